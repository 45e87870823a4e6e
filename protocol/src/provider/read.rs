//! From the text of a file to a definition, with every mistake at its place.
//!
//! ```text
//!  text ─▶ TOML ─▶ parts (each [launch.x], [[url]], [[credential]], ...) ─▶ definition ─▶ checked
//!           │       │                                                        │
//!        syntax   unknown keys, wrong types, what is missing          ranges, patterns, paths
//! ```
//! Each stage tells everything that it finds and ends the reading if it found something. A part tells its first mistake.

use std::{collections::BTreeMap, ops::Range};

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, Error, ValueDeserializer},
};

use super::{
    DefinitionError, ProviderDefinition,
    locate::{field_at, span_of},
    mistake::{Mistakes, Place},
};

/// The keys of the file itself, without any table.
pub(super) const KEYS: [&str; 11] = [
    "id",
    "name",
    "versions_tested",
    "launch",
    "url",
    "callback",
    "device",
    "manual",
    "credential",
    "verify",
    "prompt",
];

/// Reads the text and checks the definition.
pub(super) fn read(text: &str) -> Result<ProviderDefinition, DefinitionError> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut syntax = Mistakes::default();
    for error in &errors {
        syntax.add_at("", error.message(), Place::of(text, error.span().unwrap_or_default()));
    }
    syntax.end()?;
    let document = document.into_inner();
    let definition = Parts { text, document: &document, mistakes: Mistakes::default() }.definition()?;
    let mut mistakes = definition.mistakes();
    mistakes.locate(|field| span_of(&document, field).map(|span| Place::of(text, span)));
    mistakes.end()?;
    Ok(definition)
}

struct Parts<'a> {
    text: &'a str,
    document: &'a DeTable<'a>,
    mistakes: Mistakes,
}

impl<'a> Parts<'a> {
    fn definition(mut self) -> Result<ProviderDefinition, DefinitionError> {
        for key in self.document.keys().filter(|key| !KEYS.contains(&key.get_ref().as_ref())) {
            let known = KEYS.map(|key| format!("`{key}`")).join(", ");
            let problem = format!("unknown field `{}`, expected one of {known}", key.get_ref());
            self.mistakes.add_at(key.get_ref().as_ref(), problem, Place::of(self.text, key.span()));
        }
        let definition = ProviderDefinition {
            id: self.required("id"),
            name: self.required("name"),
            versions_tested: self.optional("versions_tested").unwrap_or_default(),
            launch: self.named("launch"),
            url: self.list("url"),
            callback: self.optional("callback"),
            device: self.optional("device"),
            manual: self.optional("manual"),
            credential: self.list("credential"),
            verify: self.optional("verify"),
            prompt: self.optional("prompt"),
        };
        self.mistakes.end()?;
        Ok(definition)
    }

    fn value(&self, key: &str) -> Option<Spanned<DeValue<'a>>> {
        self.document.get(key).cloned()
    }

    fn optional<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let value = self.value(key)?;
        self.part(key, value)
    }

    /// What is missing is noted; its stand-in is never seen, because a mistake ends the reading.
    fn required<T: DeserializeOwned + Default>(&mut self, key: &str) -> T {
        if !self.document.contains_key(key) {
            self.mistakes.add(key, format!("missing field `{key}`"));
        }
        self.optional(key).unwrap_or_default()
    }

    /// `[[key]]`, each read by itself.
    fn list<T: DeserializeOwned>(&mut self, key: &str) -> Vec<T> {
        let Some(value) = self.value(key) else {
            self.mistakes.add(key, format!("missing field `{key}`"));
            return Vec::new();
        };
        let span = value.span();
        let DeValue::Array(items) = value.into_inner() else {
            let problem = format!("expected [[{key}]], with two brackets: there can be several");
            self.mistakes.add_at(key, problem, Place::of(self.text, span));
            return Vec::new();
        };
        let numbered = items.into_iter().enumerate();
        numbered.filter_map(|(index, item)| self.part(&format!("{key}[{index}]"), item)).collect()
    }

    /// `[key.name]`, each read by itself.
    fn named<T: DeserializeOwned>(&mut self, key: &str) -> BTreeMap<String, T> {
        let Some(value) = self.value(key) else {
            self.mistakes.add(key, format!("missing field `{key}`"));
            return BTreeMap::new();
        };
        let span = value.span();
        let DeValue::Table(entries) = value.into_inner() else {
            self.mistakes.add_at(key, format!("expected a table [{key}.NAME]"), Place::of(self.text, span));
            return BTreeMap::new();
        };
        let read = |(name, value): (Spanned<_>, _)| {
            let name = String::from(name.into_inner());
            let part = self.part(&format!("{key}.{name}"), value)?;
            Some((name, part))
        };
        entries.into_iter().filter_map(read).collect()
    }

    fn part<T: DeserializeOwned>(&mut self, field: &str, value: Spanned<DeValue<'a>>) -> Option<T> {
        let whole = value.span();
        let result = T::deserialize(ValueDeserializer::from(value));
        result.map_err(|error| self.note(field, whole, &error)).ok()
    }

    fn note(&mut self, field: &str, whole: Range<usize>, error: &Error) {
        let span = error.span().unwrap_or(whole);
        let field = field_at(self.document, &span).unwrap_or_else(|| field.to_owned());
        let problem = error.message().replace('\n', " ");
        self.mistakes.add_at(field, problem, Place::of(self.text, span));
    }
}
