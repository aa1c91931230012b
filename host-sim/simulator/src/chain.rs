//! Envoy's filter manager: takes headers, pieces of body and trailers through the filters, and back.
//!
//! What the filters' answers mean is here (`source/common/http/filter_manager.cc`); how a filter comes to an answer is in
//! `callbacks.rs`. Whatever leaves the last filter of a direction is noted in `HalfStream::out`.

use crate::codec;
use crate::connection_manager;
use crate::context::{Direction, Source};
use crate::local_reply::{LocalReply, Refusal};
use crate::simulator::Simulator;
use crate::stream::{Iteration, Step, Stream};
use std::mem;

/// What a filter answers to headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadersAnswer {
    Continue,
    StopIteration,
    StopAll,
}

/// What a filter answers to a piece of body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataAnswer {
    Continue,
    /// Keep it, and everything after it, as long as the buffer is large enough.
    StopAndBuffer,
    /// Keep it, and have the sender wait where the buffer is full.
    StopAndWatermark,
    /// It is gone.
    StopNoBuffer,
}

/// What a filter answers to trailers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrailersAnswer {
    Continue,
    Stop,
}

/// Where an iteration begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum From {
    /// At the first filter.
    First,
    /// Behind this step.
    After(usize),
    /// Behind this step, or at it, if it has not been shown what piled up.
    AtIfUnseen(usize),
}

impl Simulator {
    pub(crate) fn pass_headers(&mut self, id: u32, direction: Direction, from: From, end: bool) {
        if self.cut_off(id, direction) {
            return;
        }
        let mut step = self.first_step(id, direction, from);
        while let Some(filter) = self.filter_at(id, direction, step) {
            self.at(id, direction, step, |it| it.end_seen = end);
            let answer = self.call_headers(id, direction, filter, end);
            if self.cut_off(id, direction) {
                return;
            }
            match answer {
                HeadersAnswer::Continue => self.at(id, direction, step, |it| it.headers_continued = true),
                HeadersAnswer::StopIteration => {
                    return self.at(id, direction, step, |it| it.iteration = Iteration::StopSingle);
                }
                HeadersAnswer::StopAll => {
                    return self.at(id, direction, step, |it| it.iteration = Iteration::StopAll);
                }
            }
            step += 1;
        }
        self.headers_out(id, direction, end);
    }

    /// Takes the piece in `source` through the filters.
    pub(crate) fn pass_data(&mut self, id: u32, direction: Direction, from: From, source: Source, end: bool) {
        let mut end = end;
        let mut trailers_from = None;
        if self.cut_off(id, direction) {
            return;
        }
        let mut step = self.first_step(id, direction, from);
        while let Some(filter) = self.filter_at(id, direction, step) {
            let Some(stream) = self.world.streams.get_mut(&id) else {
                return;
            };
            let here = step_of(stream, direction, step);
            if here.iteration == Iteration::StopAll {
                return keep(stream, direction, source);
            }
            if here.end_seen {
                return;
            }
            let had_trailers = stream.side(direction).trailers.is_some();
            self.at(id, direction, step, |it| it.end_seen = end && !had_trailers);
            let answer = self.call_data(id, direction, filter, source, end && !had_trailers);
            if self.cut_off(id, direction) {
                return;
            }
            if end && !had_trailers && self.has_trailers(id, direction) {
                // The filter added trailers, so for the others this is not the end.
                end = false;
                trailers_from = Some(step);
                self.at(id, direction, step, |it| it.end_seen = false);
            }
            if !self.after_data(id, direction, step, answer, source) {
                if let Some(added_at) = trailers_from {
                    self.pass_trailers(id, direction, From::After(added_at));
                }
                return;
            }
            step += 1;
        }
        self.data_out(id, direction, source, end);
        if let Some(added_at) = trailers_from {
            self.pass_trailers(id, direction, From::After(added_at));
        }
    }

    pub(crate) fn pass_trailers(&mut self, id: u32, direction: Direction, from: From) {
        if self.cut_off(id, direction) {
            return;
        }
        let mut step = self.first_step(id, direction, from);
        while let Some(filter) = self.filter_at(id, direction, step) {
            let here = self.step(id, direction, step);
            if here.iteration == Iteration::StopAll {
                return;
            }
            self.at(id, direction, step, |it| it.end_seen = true);
            let answer = self.call_trailers(id, direction, filter);
            if self.cut_off(id, direction) {
                return;
            }
            let here = self.step(id, direction, step);
            match answer {
                TrailersAnswer::Continue if here.iteration == Iteration::StopSingle => {
                    return self.go_on(id, direction, step);
                }
                TrailersAnswer::Continue => {}
                TrailersAnswer::Stop => {
                    return self.at(id, direction, step, |it| {
                        if it.iteration == Iteration::Continue {
                            it.iteration = Iteration::StopSingle;
                        }
                    });
                }
            }
            step += 1;
        }
        self.trailers_out(id, direction);
    }

    /// Lets a stopped filter's stream go on: headers it held back, then what piled up, then trailers.
    pub(crate) fn go_on(&mut self, id: u32, direction: Direction, step: usize) {
        if self.cut_off(id, direction) {
            return;
        }
        let here = self.step(id, direction, step);
        self.at(id, direction, step, |it| {
            it.start_here = it.iteration == Iteration::StopAll;
            it.iteration = Iteration::Continue;
        });
        let Some(stream) = self.world.streams.get(&id) else {
            return;
        };
        let side = stream.side(direction);
        let (ended, trailers) = (side.ended, side.trailers.is_some());
        if !here.headers_continued {
            let nothing_more = ended && side.buffered.is_none() && !trailers;
            self.at(id, direction, step, |it| it.headers_continued = true);
            self.pass_headers(id, direction, From::After(step), nothing_more);
        }
        if self.has_buffered(id, direction) {
            self.pass_data(
                id,
                direction,
                From::AtIfUnseen(step),
                Source::Buffered,
                ended && !trailers,
            );
        }
        if trailers && ended {
            self.pass_trailers(id, direction, From::AtIfUnseen(step));
        }
        self.at(id, direction, step, |it| it.start_here = false);
    }

    /// Whether the piece goes on to the next filter.
    fn after_data(
        &mut self,
        id: u32,
        direction: Direction,
        step: usize,
        answer: DataAnswer,
        source: Source,
    ) -> bool {
        let Some(stream) = self.world.streams.get_mut(&id) else {
            return false;
        };
        let here = step_of(stream, direction, step);
        match answer {
            DataAnswer::Continue if here.iteration == Iteration::StopSingle => {
                keep(stream, direction, source);
                self.go_on(id, direction, step);
                return false;
            }
            DataAnswer::Continue => return true,
            DataAnswer::StopAndBuffer => {
                keep(stream, direction, source);
                self.at(id, direction, step, |it| it.iteration = Iteration::StopSingle);
                self.refuse_too_large(id, direction);
                return false;
            }
            DataAnswer::StopAndWatermark => keep(stream, direction, source),
            DataAnswer::StopNoBuffer => {
                let side = stream.side_mut(direction);
                side.chunk.clear();
                if side.ended && side.trailers.is_none() && side.buffered.is_none() {
                    side.buffered = Some(Vec::new()); // so that going on sends the end
                }
            }
        }
        self.at(id, direction, step, |it| it.iteration = Iteration::StopSingle);
        false
    }

    /// Answers instead of passing on a body that does not fit into the buffer of a filter that needs all of it.
    pub(crate) fn refuse_too_large(&mut self, id: u32, direction: Direction) -> bool {
        let limit = self.buffer_limit;
        let stream = self.world.streams.get(&id);
        let kept = stream.and_then(|stream| stream.side(direction).buffered.as_ref());
        if kept.is_none_or(|kept| kept.len() <= limit) {
            return false;
        }
        let (status, details, body) = match direction {
            Direction::Request => (413, "request_payload_too_large", "Payload Too Large"),
            Direction::Response => (500, "response_payload_too_large", "Internal Server Error"),
        };
        let reply = LocalReply {
            status,
            details: details.to_owned(),
            body: body.as_bytes().to_vec(),
            headers: Vec::new(),
            grpc_status: None,
        };
        self.reply(id, &reply);
        true
    }

    fn headers_out(&mut self, id: u32, direction: Direction, end: bool) {
        if let Some((reply, flags)) = self.refused(id, direction) {
            if let Some(stream) = self.world.streams.get_mut(&id) {
                stream.flags = flags;
            }
            return self.reply(id, &reply);
        }
        if let Some(stream) = self.world.streams.get_mut(&id) {
            if direction == Direction::Response {
                stream.sent_status = Some(stream.status());
                connection_manager::send(&mut stream.response.headers);
                codec::warn_of_response(&stream.response, &mut self.world.warnings);
            }
            let out = &mut stream.side_mut(direction).out;
            out.headers = true;
            out.complete |= end;
        }
    }

    /// The answer to headers that go no further.
    fn refused(&self, id: u32, direction: Direction) -> Option<Refusal> {
        let stream = self.world.streams.get(&id).filter(|stream| stream.is_routed)?;
        match direction {
            Direction::Request => codec::refused_request(&stream.request.headers),
            Direction::Response => codec::refused_response(&stream.response.headers),
        }
    }

    fn data_out(&mut self, id: u32, direction: Direction, source: Source, end: bool) {
        if let Some(stream) = self.world.streams.get_mut(&id) {
            let side = stream.side_mut(direction);
            let data = match source {
                Source::Chunk => mem::take(&mut side.chunk),
                Source::Buffered => side.buffered.take().unwrap_or_default(),
            };
            side.out.body.push(data);
            side.out.complete |= end;
        }
    }

    fn trailers_out(&mut self, id: u32, direction: Direction) {
        if let Some(stream) = self.world.streams.get_mut(&id) {
            let out = &mut stream.side_mut(direction).out;
            out.trailers = true;
            out.complete = true;
        }
    }

    /// Whether nothing more of this direction passes the filters.
    fn cut_off(&self, id: u32, direction: Direction) -> bool {
        match self.world.streams.get(&id) {
            Some(stream) => stream.reset || stream.complete || stream.side(direction).aborted,
            None => true,
        }
    }

    fn first_step(&self, id: u32, direction: Direction, from: From) -> usize {
        match from {
            From::First => 0,
            From::AtIfUnseen(step) if self.step(id, direction, step).start_here => step,
            From::After(step) | From::AtIfUnseen(step) => step + 1,
        }
    }

    fn filter_at(&self, id: u32, direction: Direction, step: usize) -> Option<usize> {
        self.world.streams.get(&id)?.filter_at(direction, step)
    }

    fn step(&self, id: u32, direction: Direction, step: usize) -> Step {
        let stream = self.world.streams.get(&id);
        stream.map_or_else(Step::default, |stream| step_of(stream, direction, step))
    }

    fn at(&mut self, id: u32, direction: Direction, step: usize, change: impl FnOnce(&mut Step)) {
        let stream = self.world.streams.get_mut(&id);
        if let Some(step) = stream.and_then(|stream| stream.side_mut(direction).steps.get_mut(step)) {
            change(step);
        }
    }

    fn has_trailers(&self, id: u32, direction: Direction) -> bool {
        let stream = self.world.streams.get(&id);
        stream.is_some_and(|stream| stream.side(direction).trailers.is_some())
    }

    fn has_buffered(&self, id: u32, direction: Direction) -> bool {
        let stream = self.world.streams.get(&id);
        stream.is_some_and(|stream| stream.side(direction).buffered.is_some())
    }
}

fn step_of(stream: &Stream, direction: Direction, step: usize) -> Step {
    stream
        .side(direction)
        .steps
        .get(step)
        .copied()
        .unwrap_or_default()
}

/// Puts a piece with what has piled up already.
pub(crate) fn keep(stream: &mut Stream, direction: Direction, source: Source) {
    let side = stream.side_mut(direction);
    let buffered = side.buffered.get_or_insert_default();
    if source == Source::Chunk {
        buffered.append(&mut side.chunk);
    }
}
