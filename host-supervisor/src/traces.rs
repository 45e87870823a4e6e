//! Traces: what takes how long, and for whose request. Told to a collector in OTLP where one is configured.
//!
//! ```text
//!  traceparent of a caller ─▶ request ─▶ session ─▶ its stages, the stages of its VM
//!                                 └─▶ prompt   └──▶ calls of the guest's agent ─▶ traceparent
//! ```
//! Without a collector nothing is made or kept; a caller's `traceparent` goes through to the guest all the same. A request that
//! is not sampled costs its decision. What is told are words of ours and ids: nothing that a guest, a person or a provider
//! has said becomes a name or an attribute.

mod exporter;
mod span;

use std::time::Duration;

use anteroom_protocol::{RequestId, TraceParent};
use opentelemetry::trace::{SpanKind, TracerProvider as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider},
};

use crate::config::OtlpChoices;
pub use exporter::ExporterError;
pub(crate) use span::{Span, Trace, current, during};

/// Who tells.
const SERVICE: &str = "anteroom";
/// Spans that wait to be sent; what comes when there are so many is lost.
const MOST_WAITING: usize = 4096;
/// How long they are collected before they are sent.
const COLLECT: Duration = Duration::from_secs(2);
/// How long the last ones may take when the daemon stops.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Asked for all the time, and of no interest.
const NOT_WORTH_IT: [&str; 4] = ["/health", "/health/live", "/health/ready", "/metrics"];

/// Cheap to clone; nobody is told anything by default.
#[derive(Debug, Clone, Default)]
pub struct Traces(Option<Told>);

#[derive(Debug, Clone)]
struct Told {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// Begins to tell, from a runtime on which it is sent.
    ///
    /// # Errors
    /// With what is wrong with the settings. The collector is not asked.
    pub fn open(choices: Option<&OtlpChoices>) -> Result<Self, ExporterError> {
        let Some(choices) = choices else { return Ok(Self::default()) };
        let batches =
            BatchConfigBuilder::default().with_max_queue_size(MOST_WAITING).with_scheduled_delay(COLLECT);
        let processor =
            BatchSpanProcessor::builder(exporter::open(choices)?).with_batch_config(batches.build()).build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(choices.sample))))
            .with_resource(Resource::builder().with_service_name(SERVICE).build())
            .build();
        let tracer = provider.tracer(SERVICE);
        Ok(Self(Some(Told { provider, tracer })))
    }

    /// A request; `route` as the router has it. `None` where there is nothing to tell, and nothing to carry on.
    pub(crate) fn request(
        &self,
        caller: Option<TraceParent>,
        method: &'static str,
        route: &str,
        id: &RequestId,
    ) -> Option<Span> {
        let tracer = self.0.as_ref().map(|told| told.tracer.clone());
        if caller.is_none() && (tracer.is_none() || NOT_WORTH_IT.contains(&route)) {
            return None;
        }
        let mut span = Trace::of(tracer, caller).begin_as(SpanKind::Server, format!("{method} {route}"));
        span.note("http.request.method", method);
        span.note("http.route", route.to_owned());
        span.note("anteroom.request", id.as_str().to_owned());
        Some(span)
    }

    /// Sends what there is left, for a moment.
    pub async fn close(self) {
        let Some(Told { provider, .. }) = self.0 else { return };
        let closing = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_WORDS));
        // What was not sent by then is lost, which the log has said.
        let _ = tokio::time::timeout(2 * LAST_WORDS, closing).await;
    }
}
