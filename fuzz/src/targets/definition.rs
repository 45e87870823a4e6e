//! Definition files: what is accepted is sound and survives the trip to the agent; what is refused is refused at a place
//! that the file has.

use anteroom_protocol::ProviderDefinition;

pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match ProviderDefinition::parse(text) {
        Ok(definition) => {
            definition.check().expect("what was read was checked");
            assert!(definition.programs().all(|program| !program.is_empty()));
            assert!(definition.credential.iter().any(|rule| rule.is_proof()));
            let json = serde_json::to_string(&definition).expect("JSON has a form for all of it");
            let arrived: ProviderDefinition = serde_json::from_str(&json).expect("the agent reads it");
            assert_eq!(arrived, definition);
        }
        Err(error) => {
            let lines: Vec<&str> = text.split('\n').collect();
            assert!(!error.mistakes().is_empty() && !error.to_string().is_empty());
            for place in error.mistakes().into_iter().filter_map(|mistake| mistake.place) {
                let line = lines.get(place.line - 1).expect("a line of the file");
                assert!((1..=line.chars().count() + 1).contains(&place.column), "{place} of {line:?}");
                assert!(place.width >= 1);
            }
        }
    }
}
