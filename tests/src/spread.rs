//! What several measurements of one thing have in common.

/// Of at least one value.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Spread {
    pub min: f64,
    pub median: f64,
    /// The smallest value that 95 of 100 do not exceed (nearest rank): of fewer than twenty it is the largest.
    pub p95: f64,
    /// The same for 99 of 100.
    pub p99: f64,
    pub max: f64,
    pub count: usize,
}

impl Spread {
    /// # Panics
    /// Without a value.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        Self {
            min: sorted[0],
            median: f64::midpoint(sorted[(count - 1) / 2], sorted[count / 2]),
            p95: sorted[(count * 95).div_ceil(100) - 1],
            p99: sorted[(count * 99).div_ceil(100) - 1],
            max: sorted[count - 1],
            count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_an_even_number_lies_between_two() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!(spread, Spread { min: 1.0, median: 2.5, p95: 4.0, p99: 4.0, max: 4.0, count: 4 });
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        let Spread { median, p95, p99, .. } = Spread::of(&hundred);
        assert_eq!((median, p95, p99), (50.5, 95.0, 99.0));
        assert_eq!(Spread::of(&[7.0]).median, 7.0);
    }
}
