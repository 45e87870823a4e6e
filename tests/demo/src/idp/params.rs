//! The parameters of a request, from its query or its form body: few, short, each at most once.
//!
//! RFC 6749 section 3.1 asks for all of that except the bounds: a repeated parameter is an error, one without a value
//! counts as absent, one nobody knows is ignored.

use std::collections::HashMap;

use serde_json::Value;

/// The largest query or body, before decoding.
pub(crate) const LARGEST_BYTES: usize = 16 * 1024;
const MOST_PARAMETERS: usize = 32;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParamsError {
    #[error("the parameters are longer than {LARGEST_BYTES} bytes")]
    TooLong,
    #[error("there are more than {MOST_PARAMETERS} parameters")]
    TooMany,
    #[error("a parameter is given twice")]
    Repeated,
    #[error("the parameters are not a JSON object of strings and numbers")]
    NotValues,
}

/// No `Debug`: codes, verifiers and tokens are among the values.
pub(crate) struct Params(HashMap<String, String>);

impl Params {
    /// # Errors
    /// When a bound is exceeded or a name comes twice.
    pub(crate) fn parse(encoded: &str) -> Result<Self, ParamsError> {
        if encoded.len() > LARGEST_BYTES {
            return Err(ParamsError::TooLong);
        }
        let mut params = HashMap::new();
        for (name, value) in form_urlencoded::parse(encoded.as_bytes()) {
            if params.len() == MOST_PARAMETERS {
                return Err(ParamsError::TooMany);
            }
            if params.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(ParamsError::Repeated);
            }
        }
        Ok(Self(params))
    }

    /// From a JSON object of strings and numbers. A repeated name counts by its last value: serde's maps do not tell.
    ///
    /// # Errors
    /// When a bound is exceeded or a value is something else.
    pub(crate) fn parse_json(json: &str) -> Result<Self, ParamsError> {
        if json.len() > LARGEST_BYTES {
            return Err(ParamsError::TooLong);
        }
        let values: HashMap<String, Value> =
            serde_json::from_str(json).map_err(|_| ParamsError::NotValues)?;
        if values.len() > MOST_PARAMETERS {
            return Err(ParamsError::TooMany);
        }
        let text = |(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            Value::Number(number) => Ok((name, number.to_string())),
            _ => Err(ParamsError::NotValues),
        };
        values.into_iter().map(text).collect::<Result<_, _>>().map(Self)
    }

    /// The value of `name`, unless it is absent or empty.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests;
