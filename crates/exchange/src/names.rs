//! Parameters' names on both sides.

/// `conv1___filter` as `conv1.filter`. A name without `___` stays.
pub(crate) fn outside(name: &str) -> String {
    name.rsplit_once("___").map_or_else(|| name.to_owned(), |(layer, param)| format!("{layer}.{param}"))
}

/// `conv1.filter` as `conv1___filter`; a layer's name may have dots, a parameter's has none. What has no dot, or `___` already,
/// stays.
pub(crate) fn inside(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((layer, param)) if !name.contains("___") => format!("{layer}___{param}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for (ours, theirs) in [("conv1___filter", "conv1.filter"), ("block.1___bias", "block.1.bias"), ("mean", "mean")]
        {
            assert_eq!((outside(ours).as_str(), inside(theirs).as_str()), (theirs, ours));
        }
        assert_eq!(inside("conv1___filter"), "conv1___filter");
    }
}
