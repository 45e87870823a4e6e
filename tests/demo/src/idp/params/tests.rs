use proptest::prelude::*;

use super::{LARGEST_BYTES, Params, ParamsError};

#[test]
fn values_are_decoded() {
    let params =
        Params::parse("scope=openid+email&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F&x").ok().unwrap();
    assert_eq!(params.value("scope"), Some("openid email"));
    assert_eq!(params.value("redirect_uri"), Some("http://127.0.0.1:1/"));
}

#[test]
fn an_empty_value_counts_as_absent() {
    let params = Params::parse("state=&x").ok().unwrap();
    assert_eq!((params.value("state"), params.value("x"), params.value("y")), (None, None, None));
}

#[test]
fn a_repeated_parameter_is_refused() {
    assert_eq!(Params::parse("code=a&code=b").err(), Some(ParamsError::Repeated));
    assert_eq!(Params::parse("code=&co%64e=b").err(), Some(ParamsError::Repeated));
}

#[test]
fn more_or_longer_parameters_than_anybody_needs_are_refused() {
    let many = |count: usize| (0..count).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
    assert!(Params::parse(&many(32)).is_ok());
    assert_eq!(Params::parse(&many(33)).err(), Some(ParamsError::TooMany));
    assert_eq!(Params::parse(&"a".repeat(LARGEST_BYTES + 1)).err(), Some(ParamsError::TooLong));
}

#[test]
fn a_json_object_of_strings_and_numbers_will_do_and_nothing_else() {
    let params = Params::parse_json(r#"{"grant_type":"refresh_token","expires_in":31536000}"#).ok().unwrap();
    assert_eq!(params.value("grant_type"), Some("refresh_token"));
    assert_eq!(params.value("expires_in"), Some("31536000"));
    for json in
        ["", "[]", "null", r#"{"a":true}"#, r#"{"a":null}"#, r#"{"a":{"b":"c"}}"#, r#"{"a":"b"} trailing"#]
    {
        assert_eq!(Params::parse_json(json).err(), Some(ParamsError::NotValues), "{json}");
    }
    assert_eq!(Params::parse_json(&" ".repeat(LARGEST_BYTES + 1)).err(), Some(ParamsError::TooLong));
}

proptest! {
    #[test]
    fn whatever_was_encoded_is_read_back(name in "\\PC{1,20}", value in "\\PC{1,200}") {
        let encoded = form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish();
        let params = Params::parse(&encoded).ok();
        prop_assert_eq!(params.as_ref().and_then(|params| params.value(&name)), Some(value.as_str()));
    }

    #[test]
    fn no_input_makes_it_panic(encoded in ".*") {
        let _ = Params::parse(&encoded);
    }
}
