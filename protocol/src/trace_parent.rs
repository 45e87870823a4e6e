//! Which trace a request is part of, in the words of the W3C (Trace Context, section 3.2): taken from callers, and carried on to the
//! guest's agent.

use std::{fmt, str::FromStr};

/// In the header [`TraceParent::HEADER`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// Never 0.
    pub trace: u128,
    /// The caller's own part of the trace; never 0.
    pub span: u64,
    /// Whether the caller keeps its part.
    pub sampled: bool,
}

impl TraceParent {
    pub const HEADER: &str = "traceparent";
    const BYTES: usize = 55;
}

impl FromStr for TraceParent {
    type Err = ();

    /// Of a version to come, what this one has.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (known, rest) = text.split_at_checked(Self::BYTES).ok_or(())?;
        let mut fields = known.split('-');
        let mut field = |digits: usize| {
            let plain = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            fields.next().filter(|field| field.len() == digits && field.bytes().all(plain)).ok_or(())
        };
        let (version, trace, span, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
        let whole = match version {
            "ff" => false,
            "00" => rest.is_empty(),
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        let trace = u128::from_str_radix(trace, 16).map_err(drop)?;
        let span = u64::from_str_radix(span, 16).map_err(drop)?;
        let flags = u8::from_str_radix(flags, 16).map_err(drop)?;
        if whole && trace != 0 && span != 0 {
            Ok(Self { trace, span, sampled: flags & 1 == 1 })
        } else {
            Err(())
        }
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn it_is_what_it_was_after_its_way_through_a_header() {
        let parent: TraceParent = GOOD.parse().unwrap();
        assert_eq!((parent.span, parent.sampled), (0xb7ad_6b71_6920_3331, true));
        assert_eq!(parent.to_string(), GOOD);
        let unsampled = TraceParent { sampled: false, trace: 1, span: 2 };
        assert_eq!(unsampled.to_string().parse(), Ok(unsampled));
        assert_eq!(GOOD.replacen("00", "cc", 1).parse(), Ok(parent), "of a version to come");
        assert_eq!(format!("{}-what", GOOD.replacen("00", "cc", 1)).parse(), Ok(parent));
    }

    #[test]
    fn what_is_none_is_not_believed() {
        let zeros = [GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32))];
        let others = [
            GOOD.replace("b7ad6b7169203331", &"0".repeat(16)),
            GOOD.to_uppercase(),
            GOOD.replacen("00", "ff", 1),
            format!("{GOOD}-what"),
            GOOD.replace('-', "_"),
            GOOD.replace("b7", "é"),
            GOOD[..54].to_owned(),
            String::new(),
        ];
        for bad in zeros.iter().chain(&others) {
            assert_eq!(bad.parse::<TraceParent>(), Err(()), "{bad}");
        }
    }
}
