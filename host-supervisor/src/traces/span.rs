//! Parts of a trace, and which of them a task works for.

use std::{borrow::Cow, time::SystemTime};

use anteroom_protocol::TraceParent;
use opentelemetry::{
    Context, KeyValue, SpanId, TraceFlags, TraceId, Value,
    trace::{
        Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, TraceState, Tracer as _,
    },
};
use opentelemetry_sdk::trace::{SdkTracer, Span as SdkSpan};

tokio::task_local! {
    static CURRENT: Trace;
}

/// What this task works for.
pub(crate) fn current() -> Option<Trace> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Lets everything that is done for it know it; what is spawned meanwhile does not.
pub(crate) async fn during<T>(trace: Option<Trace>, work: impl Future<Output = T>) -> T {
    match trace {
        Some(trace) => CURRENT.scope(trace, work).await,
        None => work.await,
    }
}

/// A place in a trace: what begins there is part of it.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// `None`: nobody is told, and the caller's place is carried on as it is.
    tracer: Option<SdkTracer>,
    place: SpanContext,
}

/// Something that takes time; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Span {
    told: Option<SdkSpan>,
    trace: Trace,
}

impl Trace {
    pub(super) fn of(tracer: Option<SdkTracer>, caller: Option<TraceParent>) -> Self {
        let place = caller.map_or(SpanContext::NONE, |TraceParent { trace, span, sampled }| {
            let flags = TraceFlags::default().with_sampled(sampled);
            let (trace, span) = (TraceId::from(trace), SpanId::from(span));
            SpanContext::new(trace, span, flags, true, TraceState::NONE)
        });
        Self { tracer, place }
    }

    /// For whoever does a part of it elsewhere.
    pub(crate) fn parent(&self) -> TraceParent {
        TraceParent {
            trace: u128::from_be_bytes(self.place.trace_id().to_bytes()),
            span: u64::from_be_bytes(self.place.span_id().to_bytes()),
            sampled: self.place.is_sampled(),
        }
    }

    /// Something of ours that begins now.
    pub(crate) fn begin(&self, name: impl Into<Cow<'static, str>>) -> Span {
        self.begin_as(SpanKind::Internal, name)
    }

    pub(crate) fn begin_as(&self, kind: SpanKind, name: impl Into<Cow<'static, str>>) -> Span {
        self.build(SpanBuilder::from_name(name).with_kind(kind))
    }

    /// Something that is over.
    pub(crate) fn tell(&self, name: impl Into<Cow<'static, str>>, from: SystemTime, to: SystemTime) {
        let span = self.build(SpanBuilder::from_name(name).with_start_time(from));
        if let Some(mut told) = span.told {
            told.end_with_timestamp(to);
        }
    }

    fn build(&self, builder: SpanBuilder) -> Span {
        let Some(tracer) = &self.tracer else { return Span { told: None, trace: self.clone() } };
        let mut parent = Context::new();
        // What is part of nothing begins a trace, about which the sampler decides.
        if self.place.is_valid() {
            parent = parent.with_remote_span_context(self.place.clone());
        }
        let told = tracer.build_with_context(builder, &parent);
        let place = told.span_context().clone();
        Span { told: Some(told), trace: Self { tracer: self.tracer.clone(), place } }
    }
}

impl Span {
    /// For what is part of it.
    pub(crate) fn trace(&self) -> &Trace {
        &self.trace
    }

    /// No words of a guest, a person or a provider.
    pub(crate) fn note(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(told) = &mut self.told {
            told.set_attribute(KeyValue::new(key, value));
        }
    }

    /// A request, with this status: what the caller has done wrong is no fault of its answer.
    pub(crate) fn answered(&mut self, status: u16) {
        self.note("http.response.status_code", i64::from(status));
        if status >= 500 {
            self.fail(&status.to_string());
        }
    }

    /// It has gone wrong; `code` as the API has it, and not what somebody says about it.
    pub(crate) fn fail(&mut self, code: &str) {
        self.note("error.type", code.to_owned());
        if let Some(told) = &mut self.told {
            told.set_status(Status::error(code.to_owned()));
        }
    }
}
