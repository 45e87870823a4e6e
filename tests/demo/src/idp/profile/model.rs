//! The model of a provider, which answers whoever shows an access token.

/// Where prompts are sent, and how question and answer are written.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    pub path: &'static str,
    pub dialect: ModelDialect,
}

/// All of them stream their answer as server-sent events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelDialect {
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
    /// Google's `streamGenerateContent`, in the envelope of Code Assist.
    Generate,
    /// Of our own command-line tool: `{"prompt"}`, answered by `{"text"}` and at last `{"usage"}`.
    Plain,
}
