//! Hints for names that do not exist: most of them are typos.

/// `; did you mean `conv1`?`, or the list of what there is when nothing is near, to be put after "there is no ...".
pub(crate) fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    if let Some(nearest) = nearest(name, &known) {
        return format!("; did you mean `{nearest}`?");
    }
    if known.is_empty() {
        return "; there are none".into();
    }
    let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("; there are {}", names.join(", "))
}

/// The most similar name, if it is similar enough to be a typo.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let similarity = |other: &str| {
        // Case is the commonest slip, so it counts little.
        strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase())
    };
    let best = known.iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b)))?;
    (similarity(best) >= 0.5).then_some(*best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_find_their_name() {
        let known = ["data", "label", "conv1", "pool1"];
        assert_eq!(nearest("lable", &known), Some("label"));
        assert_eq!(nearest("Conv1", &known), Some("conv1"));
        assert_eq!(nearest("something", &known), None);
        assert_eq!(hint("x", known.into_iter().take(2)), "; there are `data`, `label`");
    }
}
