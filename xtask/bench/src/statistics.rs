//! Medians and percentiles.

/// The middle of the values, or the mean of the two in the middle; none of no values.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    match values.len() % 2 {
        0 => Some((values.get(values.len() / 2 - 1)? + upper) / 2.0),
        _ => Some(upper),
    }
}

/// The smallest value that so many hundredths of the sorted values do not exceed (nearest rank); none where fewer than
/// one value would lie above it, because it would then be nothing but the largest.
pub(crate) fn percentile(sorted: &[u64], hundredths: usize) -> Option<u64> {
    let rank = (sorted.len() * hundredths).div_ceil(100);
    if rank == 0 || rank >= sorted.len() {
        return None;
    }
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median([]), None);
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<u64> = (1..=200).collect();
        assert_eq!(percentile(&values, 50), Some(100));
        assert_eq!(percentile(&values, 99), Some(198));
    }

    #[test]
    fn the_largest_of_few_values_is_not_a_percentile() {
        let values: Vec<u64> = (1..=50).collect();
        assert_eq!(percentile(&values, 99), None);
        assert_eq!(percentile(&values, 50), Some(25));
        assert_eq!(percentile(&[], 50), None);
    }
}
