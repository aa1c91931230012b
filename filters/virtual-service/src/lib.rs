//! The filter: matches the request, rewrites the path, picks the destination.
