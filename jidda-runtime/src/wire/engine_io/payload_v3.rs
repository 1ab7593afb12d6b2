//! The payloads of version 3: packets behind their lengths, in text or in bytes, and JSONP around them.
