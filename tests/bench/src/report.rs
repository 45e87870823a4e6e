//! What a part has measured: figures with names and units, as tables for people and as JSON for programs.

use std::{collections::BTreeMap, fmt::Write as _, fs, time::Instant};

use anteroom_tests::spread::Spread;
use serde::Serialize;

use crate::plot::Plot;

/// Of more values only the spread is told.
const MOST_TOLD: usize = 1000;

/// Everything that one part measured in one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) part: &'static str,
    /// Where, on what, and beside what load.
    pub(crate) machine: BTreeMap<&'static str, String>,
    pub(crate) tables: Vec<Table>,
    pub(crate) bars: Vec<Bar>,
    /// What was not measured, and why; what has to be known about the rest.
    pub(crate) notes: Vec<String>,
    /// By the name of its file.
    #[serde(skip)]
    pub(crate) plots: Vec<(&'static str, Plot)>,
}

/// Figures that belong together.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    pub(crate) title: String,
    #[serde(skip)]
    pub(crate) layout: Layout,
    pub(crate) figures: Vec<Figure>,
}

/// How a table is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// A row for each figure, with its spread.
    Spreads,
    /// A row for each name, and a column for each of those that are compared, with medians.
    SideBySide,
}

/// One quantity of one contestant, in each run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    /// Whose it is, where several are compared.
    pub(crate) of: String,
    pub(crate) unit: &'static str,
    /// What it should be at most, in its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) goal: Option<f64>,
    #[serde(serialize_with = "with_spread")]
    pub(crate) values: Vec<f64>,
}

/// What is asked of two figures of one run, or of one.
#[derive(Debug, Serialize)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) measured: f64,
    pub(crate) wanted: Wanted,
    pub(crate) unit: &'static str,
    pub(crate) holds: bool,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

impl Report {
    pub(crate) fn new(part: &'static str) -> Self {
        Self {
            part,
            machine: machine(),
            tables: Vec::new(),
            bars: Vec::new(),
            notes: Vec::new(),
            plots: Vec::new(),
        }
    }

    /// Adds a table whose rows have their spread.
    pub(crate) fn spreads(&mut self, title: impl Into<String>, figures: Vec<Figure>) {
        self.tables.push(Table { title: title.into(), layout: Layout::Spreads, figures });
    }

    /// Adds a table whose columns are those that are compared.
    pub(crate) fn side_by_side(&mut self, title: impl Into<String>, figures: Vec<Figure>) {
        self.tables.push(Table { title: title.into(), layout: Layout::SideBySide, figures });
    }

    pub(crate) fn bar(&mut self, name: impl Into<String>, measured: f64, wanted: Wanted, unit: &'static str) {
        let holds = match wanted {
            Wanted::AtLeast(least) => measured >= least,
            Wanted::AtMost(most) => measured <= most,
        };
        self.bars.push(Bar { name: name.into(), measured, wanted, unit, holds });
    }

    /// Figures that are to be seen together, under the name of a file.
    pub(crate) fn plot(&mut self, file: &'static str, plot: Plot) {
        self.plots.push((file, plot));
    }

    /// A figure that one of the tables has.
    pub(crate) fn figure(&self, of: &str, name: &str) -> Option<&Figure> {
        let mut figures = self.tables.iter().flat_map(|table| &table.figures);
        figures.find(|figure| figure.of == of && figure.name == name)
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// The median of a figure that one of the tables has.
    pub(crate) fn median(&self, of: &str, name: &str) -> Option<f64> {
        Some(self.figure(of, name)?.spread()?.median)
    }

    /// Tables in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n", self.part);
        for (what, value) in &self.machine {
            let _ = writeln!(text, "- {what}: {value}");
        }
        for table in &self.tables {
            text += &table.markdown();
        }
        if !self.bars.is_empty() {
            text += "\n| asked for | measured | wanted | |\n|---|---:|---:|---|\n";
        }
        for Bar { name, measured, wanted, unit, holds } in &self.bars {
            let wanted = match wanted {
                Wanted::AtLeast(least) => format!("≥ {least}"),
                Wanted::AtMost(most) => format!("≤ {most}"),
            };
            let word = if *holds { "met" } else { "**missed**" };
            let _ = writeln!(text, "| {name}, {unit} | {} | {wanted} | {word} |", rounded(*measured));
        }
        for note in &self.notes {
            let _ = write!(text, "\n- {note}");
        }
        text
    }
}

impl Table {
    fn markdown(&self) -> String {
        let rows = match self.layout {
            Layout::Spreads => self.spreads(),
            Layout::SideBySide => self.side_by_side(),
        };
        format!("\n{rows}")
    }

    fn spreads(&self) -> String {
        let mut rows = format!(
            "| {} | min | median | p95 | p99 | max | n |\n|---|---:|---:|---:|---:|---:|---:|\n",
            self.title
        );
        for figure in &self.figures {
            let Some(Spread { min, median, p95, p99, max, count }) = figure.spread() else { continue };
            let [min, median, p95, p99, max] = [min, median, p95, p99, max].map(rounded);
            let goal = figure.goal.map_or_else(String::new, |goal| format!(" (goal {goal})"));
            let (name, unit) = (figure.label(), figure.unit);
            let _ = writeln!(
                rows,
                "| {name}, {unit}{goal} | {min} | {median} | {p95} | {p99} | {max} | {count} |"
            );
        }
        rows
    }

    fn side_by_side(&self) -> String {
        let columns = in_order(self.figures.iter().map(|figure| figure.of.as_str()));
        let mut rows =
            format!("| {} | {} |\n|---|{}\n", self.title, columns.join(" | "), "---:|".repeat(columns.len()));
        for name in in_order(self.figures.iter().map(|figure| figure.name.as_str())) {
            let of_name: Vec<&Figure> = self.figures.iter().filter(|figure| figure.name == name).collect();
            let cell = |column: &&str| {
                let figure = of_name.iter().find(|figure| figure.of == **column);
                figure
                    .and_then(|figure| figure.spread())
                    .map_or("–".to_owned(), |spread| rounded(spread.median))
            };
            let unit = of_name.first().map_or("", |figure| figure.unit);
            let cells: Vec<String> = columns.iter().map(cell).collect();
            let _ = writeln!(rows, "| {name}, {unit} | {} |", cells.join(" | "));
        }
        rows
    }
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, values: Vec<f64>) -> Self {
        Self { name: name.into(), of: String::new(), unit, goal: None, values }
    }

    pub(crate) fn of(mut self, whose: impl Into<String>) -> Self {
        self.of = whose.into();
        self
    }

    pub(crate) fn goal(mut self, most: Option<f64>) -> Self {
        self.goal = most;
        self
    }

    /// `None` when it was never measured.
    pub(crate) fn spread(&self) -> Option<Spread> {
        (!self.values.is_empty()).then(|| Spread::of(&self.values))
    }

    fn label(&self) -> String {
        if self.of.is_empty() { self.name.clone() } else { format!("{}: {}", self.of, self.name) }
    }
}

/// Each once, where it came first.
pub(crate) fn in_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

/// That have gone by since then.
pub(crate) fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// With as many digits as say something.
pub(crate) fn rounded(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn with_spread<S: serde::Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Shown<'a> {
        #[serde(flatten)]
        spread: Option<Spread>,
        #[serde(skip_serializing_if = "Option::is_none")]
        each: Option<&'a [f64]>,
    }
    let spread = (!values.is_empty()).then(|| Spread::of(values));
    Shown { spread, each: (values.len() <= MOST_TOLD).then_some(values) }.serialize(serializer)
}

/// What a reader has to know to judge figures.
fn machine() -> BTreeMap<&'static str, String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let line = |text: &str, name: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        found.trim_start_matches([' ', '\t', ':']).trim().to_owned()
    };
    let (processors, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let count = processors.lines().filter(|line| line.starts_with("processor")).count();
    BTreeMap::from([
        ("processors", format!("{count} × {}", line(&processors, "model name"))),
        ("memory", line(&memory, "MemTotal")),
        (
            "system",
            format!(
                "{}, Linux {}",
                line(&read("/etc/os-release"), "PRETTY_NAME=").replace('"', ""),
                read("/proc/sys/kernel/osrelease").trim()
            ),
        ),
        ("load when it began", read("/proc/loadavg").trim().to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compared_stands_side_by_side_and_what_was_not_measured_is_told_by_a_dash() {
        let mut report = Report::new("test");
        report.side_by_side(
            "desktop",
            vec![
                Figure::new("painted", "ms", vec![30.0, 10.0, 20.0]).of("ours"),
                Figure::new("painted", "ms", vec![400.0]).of("theirs"),
                Figure::new("memory", "MiB", vec![1.5]).of("theirs"),
            ],
        );
        report.bar("painted sooner", 20.0, Wanted::AtLeast(5.0), "times");
        report.bar("memory", 4.0, Wanted::AtMost(3.0), "MiB");
        let shown = report.markdown();
        assert!(shown.contains("| desktop | ours | theirs |\n|---|---:|---:|\n"), "{shown}");
        assert!(shown.contains("| painted, ms | 20.0 | 400 |\n| memory, MiB | – | 1.50 |\n"), "{shown}");
        assert!(shown.contains("| painted sooner, times | 20.0 | ≥ 5 | met |\n"), "{shown}");
        assert!(shown.contains("| memory, MiB | 4.00 | ≤ 3 | **missed** |\n"), "{shown}");
        assert_eq!(report.median("ours", "painted"), Some(20.0));
        let json = serde_json::to_value(&report).expect("it is plain");
        assert_eq!(json["tables"][0]["figures"][0]["values"]["median"], 20.0);
        assert_eq!(json["tables"][0]["figures"][0]["unit"], "ms");
    }
}
