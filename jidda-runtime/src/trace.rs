//! The place of an event in a trace, as W3C Trace Context writes it.

use std::fmt;
use std::str::FromStr;

use crate::id::random_bits;

/// The longest `tracestate` that is passed on. The specification asks for no less, and one may be left out.
const LONGEST_STATE: usize = 512;
/// Whether the caller records its part of the trace.
const SAMPLED: u8 = 1;
/// Whether the trace's id is random.
const RANDOM: u8 = 2;

/// The place of an event in a trace: which trace it is part of, and which span of it is its caller's.
///
/// It is what [W3C Trace Context](https://www.w3.org/TR/trace-context/) writes as `traceparent` and `tracestate`. An
/// event brings it in its `meta` on the native wire; one over HTTP has that of the request its connection began with.
/// A handler borrows it, and its calls carry a child of it automatically.
///
/// ```
/// use jidda::report::TraceContext;
///
/// let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let trace = TraceContext::parse(text, Some("vendor=value")).unwrap();
/// assert_eq!(trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
/// assert_eq!(trace.traceparent(), text);
/// assert_eq!(trace.child().trace_id(), trace.trace_id());
/// assert_ne!(trace.child().span_id(), trace.span_id());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    flags: u8,
    state: Option<Box<str>>,
}

/// Why a text is not a `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a traceparent is `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`, with lower-case digits that are not all 0"
)]
pub struct TraceError;

/// Reads a `traceparent`; [`TraceContext::parse`] reads a `tracestate`, too.
impl FromStr for TraceContext {
    type Err = TraceError;

    fn from_str(traceparent: &str) -> Result<Self, TraceError> {
        Self::parse(traceparent, None).ok_or(TraceError)
    }
}

impl TraceContext {
    /// The beginning of a new trace, recorded if `is_sampled`.
    pub fn new(is_sampled: bool) -> Self {
        // 120 random bits a time: the ids of traces have 128, and must not be zero.
        let trace = (random_bits() << 64 | random_bits() & u128::from(u64::MAX)).max(1);
        Self { trace, span: span(), flags: RANDOM | u8::from(is_sampled), state: None }
    }

    /// Reads the two texts. `None` when the first is none that is allowed; a second one that is not, or that is too
    /// long to be passed on, is left out.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let (version, rest) = traceparent.split_once('-')?;
        let (version, rest) = (number::<2>(version)?, rest);
        let (trace, rest) = rest.split_once('-')?;
        let (span, rest) = rest.split_once('-')?;
        let (trace, span) = (number::<32>(trace)?, number::<16>(span)?);
        let flags = match version {
            // Not a version, ever.
            0xff => return None,
            0 => rest,
            // Later ones may have more behind it.
            _ => rest.split_once('-').map_or(rest, |(flags, _)| flags),
        };
        let flags = number::<2>(flags)?;
        if trace == 0 || span == 0 {
            return None;
        }
        let is_plain = |state: &&str| {
            let is_plain = state.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
            is_plain && (1..=LONGEST_STATE).contains(&state.len())
        };
        Some(Self {
            trace,
            span: u64::try_from(span).ok()?,
            flags: u8::try_from(flags).ok()? & (SAMPLED | RANDOM),
            state: tracestate.map(str::trim).filter(is_plain).map(Into::into),
        })
    }

    /// The same trace with a new span, which is what a call is sent with.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { span: span(), ..self.clone() }
    }

    /// The trace's id: 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// The id of the caller's span: 16 hexadecimal digits.
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span)
    }

    /// Whether the caller records its part of the trace.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The text of `traceparent`.
    pub fn traceparent(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }

    /// The text of `tracestate`, as it was received.
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

fn span() -> u64 {
    // The upper half is as random as the lower.
    #[allow(clippy::cast_possible_truncation)]
    let span = random_bits() as u64;
    span.max(1)
}

/// Reads exactly so many hexadecimal digits, which are lowercase.
fn number<const DIGITS: usize>(text: &str) -> Option<u128> {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == DIGITS && text.bytes().all(is_digit)).then(|| u128::from_str_radix(text, 16).ok())?
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.traceparent())
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn parse(text: &str) -> Option<TraceContext> {
        TraceContext::parse(text, None)
    }

    #[test]
    fn what_is_written_is_read_back() {
        for trace in [TraceContext::new(true), TraceContext::new(false)] {
            assert_eq!(parse(&trace.traceparent()), Some(trace.clone()));
            let child = trace.child();
            assert_eq!((child.trace_id(), child.is_sampled()), (trace.trace_id(), trace.is_sampled()));
            assert_ne!(child.span_id(), trace.span_id());
        }
    }

    #[test]
    fn only_what_is_allowed_is_read() {
        for wrong in [
            String::new(),
            "-".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-0g"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-+{}-{SPAN}-01", &TRACE[1..]),
            format!(" 00-{TRACE}-{SPAN}-01"),
            format!("01-{TRACE}-{SPAN}-01.more"),
            format!("00-é{}-{SPAN}-01", &TRACE[2..]),
        ] {
            assert_eq!(parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        let trace = parse(&format!("cc-{TRACE}-{SPAN}-ff-what-ever")).unwrap();
        assert_eq!(trace.traceparent(), format!("00-{TRACE}-{SPAN}-03"));
        assert!(parse(&format!("cc-{TRACE}-{SPAN}-00")).is_some_and(|trace| !trace.is_sampled()));
    }

    #[test]
    fn a_state_is_passed_on_if_it_can_be() {
        let text = format!("00-{TRACE}-{SPAN}-00");
        let state = |state: &str| {
            let trace = TraceContext::parse(&text, Some(state)).unwrap();
            trace.child().tracestate().map(str::to_owned)
        };
        let kept = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";
        assert_eq!(state(kept).as_deref(), Some(kept));
        for dropped in ["", "   ", "a=b\r\nx: y", "a=é", &"x".repeat(513)] {
            assert_eq!(state(dropped), None, "{dropped:?}");
        }
    }
}
