//! The flags that give a body: `-d`, `--data-raw`, `--data-binary`, `--data-urlencode`, `--json`.
//!
//! They may be repeated and mixed, and curl joins the pieces in the order in which they stand. clap keeps that order only
//! as indices beside the values, so this type reads them itself.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::error::CurlError;
use crate::files::FileReader;

/// How the value of a flag becomes data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `@file` is read without line ends.
    Text,
    /// Never a file.
    Raw,
    /// `@file` is read as it is.
    Binary,
    /// The content is percent-encoded.
    Encoded,
    /// As `Binary`, joined without `&`.
    Json,
}

const KINDS: [Kind; 5] = [Kind::Text, Kind::Raw, Kind::Binary, Kind::Encoded, Kind::Json];

/// The pieces of a body, in the order of the command line.
#[derive(Debug, Clone, Default)]
pub(crate) struct DataFlags(Vec<(Kind, String)>);

impl Kind {
    fn long(self) -> &'static str {
        match self {
            Self::Text => "data",
            Self::Raw => "data-raw",
            Self::Binary => "data-binary",
            Self::Encoded => "data-urlencode",
            Self::Json => "json",
        }
    }

    fn arg(self) -> Arg {
        let arg = Arg::new(self.long())
            .long(self.long())
            .action(ArgAction::Append)
            .allow_hyphen_values(true);
        match self {
            Self::Text => arg
                .short('d')
                .visible_alias("data-ascii")
                .value_name("DATA|@FILE|@-")
                .help("Body, sent by POST as a form; repeated ones are joined by `&`. Line ends of a file are left out"),
            Self::Raw => arg
                .value_name("DATA")
                .help("Body, as --data, but `@` is not a file's name"),
            Self::Binary => arg
                .value_name("DATA|@FILE|@-")
                .help("Body, as --data, but a file is sent as it is"),
            Self::Encoded => arg
                .value_name("NAME=DATA|NAME@FILE")
                .help("Body, as --data, with the content percent-encoded"),
            Self::Json => arg
                .value_name("DATA|@FILE|@-")
                .help("Body, as --data-binary, with `content-type` and `accept: application/json`"),
        }
    }

    fn read(self, value: &str, files: FileReader<'_>) -> Result<Vec<u8>, CurlError> {
        match (self, value.strip_prefix('@')) {
            (Self::Encoded, _) => encoded(value, files),
            (Self::Raw, _) | (_, None) => Ok(value.as_bytes().to_vec()),
            (Self::Binary | Self::Json, Some(name)) => files(name),
            (Self::Text, Some(name)) => {
                let mut bytes = files(name)?;
                bytes.retain(|it| !matches!(it, b'\r' | b'\n' | 0));
                Ok(bytes)
            }
        }
    }
}

impl DataFlags {
    /// Whether there is a body. It may be empty.
    pub(crate) fn is_given(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether a part of it is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.0.iter().any(|(kind, _)| *kind == Kind::Json)
    }

    /// The pieces of `other` come after these.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The body.
    pub(crate) fn read(&self, files: FileReader<'_>) -> Result<Vec<u8>, CurlError> {
        let mut body = Vec::new();
        for (kind, value) in &self.0 {
            let piece = kind.read(value, files)?;
            if !body.is_empty() && *kind != Kind::Json {
                body.push(b'&');
            }
            body.extend(piece);
        }
        Ok(body)
    }
}

/// `content`, `=content`, `name=content`, `@file` or `name@file`: the content is encoded, the name is not.
pub(crate) fn encoded(value: &str, files: FileReader<'_>) -> Result<Vec<u8>, CurlError> {
    let (name, content) = match value.split_once('=') {
        Some((name, content)) => (name, content.as_bytes().to_vec()),
        None => match value.split_once('@') {
            Some((name, file)) => (name, files(file)?),
            None => ("", value.as_bytes().to_vec()),
        },
    };
    let mut piece = name.as_bytes().to_vec();
    if !name.is_empty() {
        piece.push(b'=');
    }
    for byte in content {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => piece.push(byte),
            b' ' => piece.push(b'+'),
            byte => piece.extend(format!("%{byte:02X}").bytes()),
        }
    }
    Ok(piece)
}

impl Args for DataFlags {
    fn augment_args(command: Command) -> Command {
        command.args(KINDS.map(Kind::arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for DataFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut pieces = Vec::new();
        for kind in KINDS {
            let indices = matches.indices_of(kind.long()).into_iter().flatten();
            let values = matches.get_many::<String>(kind.long()).into_iter().flatten();
            pieces.extend(
                indices
                    .zip(values)
                    .map(|(index, value)| (index, kind, value.clone())),
            );
        }
        pieces.sort_by_key(|(index, ..)| *index);
        Ok(Self(
            pieces.into_iter().map(|(_, kind, value)| (kind, value)).collect(),
        ))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
