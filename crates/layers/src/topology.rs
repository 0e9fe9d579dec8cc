//! From a list of layers in any order to a network: who computes when, and which blobs need a gradient.
//!
//! Looks at descriptions only, before any memory is allocated, so that a mistake in a large net is told at once. The given
//! order is kept wherever the blobs allow it, so that the printed summary reads as the user wrote it.

use crate::{Error, Layer, LayerRef, Result, names};
use std::collections::HashMap;

/// The layers in order of computation, and how gradients flow.
#[derive(Debug, Default)]
pub(crate) struct Topology {
    /// Indices into the list of layers.
    pub(crate) order: Vec<usize>,
    /// Whether the net learns: it has a loss, and that is wanted.
    pub(crate) training: bool,
    /// By layer (index into the list): whether its tops need gradients.
    pub(crate) tops_need_gradient: Vec<bool>,
    /// By layer and bottom: whether the layer computes that bottom's gradient.
    pub(crate) gives_gradient: Vec<Vec<bool>>,
}

impl Topology {
    /// Sorts the layers and checks that they form a network, for inference only even if they have a loss.
    pub(crate) fn new(net: &str, layers: &[LayerRef], inference: bool) -> Result<Self> {
        let fail = |message: String| Err(Error::Topology { net: net.into(), message });
        if let Err(message) = check_names(layers) {
            return fail(message);
        }
        for layer in layers {
            layer.layer().arity().check(wiring(layer)).map_err(|e| in_layer(e, layer))?;
        }
        let makers = match makers(layers) {
            Ok(makers) => makers,
            Err(message) => return fail(message),
        };
        let order = match sort(layers, &makers) {
            Ok(order) => order,
            Err(message) => return fail(message),
        };
        let training = !inference && layers.iter().any(|layer| layer.layer().is_loss());
        let mut tops_need_gradient = vec![false; layers.len()];
        let mut gives_gradient = vec![Vec::new(); layers.len()];
        for &i in &order {
            let layer = layers[i].layer();
            let flows = training && layer.can_backward();
            let wanted = |(bottom, &maker): (usize, &usize)| {
                flows && tops_need_gradient[maker] && layer.bottom_can_have_gradient(bottom)
            };
            gives_gradient[i] = makers[i].iter().enumerate().map(wanted).collect();
            tops_need_gradient[i] = flows && (layer.has_params() || gives_gradient[i].contains(&true));
        }
        let topology = Topology { order, training, tops_need_gradient, gives_gradient };
        match topology.find_dangling(layers) {
            Some(message) => fail(message),
            None => Ok(topology),
        }
    }

    /// A blob that needs a gradient which no layer computes.
    fn find_dangling(&self, layers: &[LayerRef]) -> Option<String> {
        for &i in self.order.iter().filter(|&&i| self.tops_need_gradient[i]) {
            for top in &wiring(&layers[i]).tops {
                let gives = |&consumer: &usize| {
                    let bottoms = wiring(&layers[consumer]).bottoms.iter();
                    bottoms.zip(&self.gives_gradient[consumer]).any(|(bottom, &gives)| bottom == top && gives)
                };
                if !(0..layers.len()).any(|consumer| gives(&consumer)) {
                    let (name, kind) = (&wiring(&layers[i]).name, layers[i].layer().kind());
                    return Some(format!(
                        "blob `{top}` of layer `{name}` ({kind}) needs a gradient but reaches no loss layer; connect it to \
                         a loss, or leave `{name}` out of this net and build a second net from the same layer objects \
                         to look at `{top}`"
                    ));
                }
            }
        }
        None
    }
}

fn wiring(layer: &LayerRef) -> &crate::Wiring {
    layer.layer().wiring()
}

fn in_layer(error: Error, layer: &LayerRef) -> Error {
    error.in_layer(&wiring(layer).name, layer.layer().kind())
}

fn check_names(layers: &[LayerRef]) -> Result<(), String> {
    if layers.is_empty() {
        return Err("there are no layers".into());
    }
    let mut kinds: HashMap<&str, &dyn Layer> = HashMap::new();
    for layer in layers {
        let (name, kind) = (wiring(layer).name.as_str(), layer.layer().kind());
        if name.is_empty() {
            return Err(format!("a layer of kind {kind} has no name; names label parameters in snapshots"));
        }
        if let Some(other) = kinds.insert(name, layer.layer()) {
            return Err(format!(
                "two layers are called `{name}` ({} and {kind}); give each its own name, it labels the layer's parameters \
                 in snapshots",
                other.kind()
            ));
        }
    }
    Ok(())
}

/// By layer and bottom, the index of the layer that makes the bottom.
fn makers(layers: &[LayerRef]) -> Result<Vec<Vec<usize>>, String> {
    let mut maker: HashMap<&str, usize> = HashMap::new();
    for (i, layer) in layers.iter().enumerate() {
        for top in &wiring(layer).tops {
            if let Some(other) = maker.insert(top, i) {
                let (first, second) = (&wiring(&layers[other]).name, &wiring(layer).name);
                return Err(if other == i {
                    format!("layer `{first}` makes blob `{top}` twice; give each of its tops another name")
                } else {
                    format!(
                        "blob `{top}` is made by two layers, `{first}` and `{second}`; give one of the tops another name"
                    )
                });
            }
        }
    }
    let find = |layer: &LayerRef, bottom: &String| {
        maker.get(bottom.as_str()).copied().ok_or_else(|| {
            let mut known: Vec<&str> = maker.keys().copied().collect();
            known.sort_unstable();
            let (name, hint) = (&wiring(layer).name, names::hint(bottom, known.into_iter()));
            format!("layer `{name}` ({}) takes blob `{bottom}`, which no layer makes{hint}", layer.layer().kind())
        })
    };
    layers.iter().map(|layer| wiring(layer).bottoms.iter().map(|bottom| find(layer, bottom)).collect()).collect()
}

/// Takes again and again the first layer whose bottoms are all there.
fn sort(layers: &[LayerRef], makers: &[Vec<usize>]) -> Result<Vec<usize>, String> {
    let mut order = Vec::with_capacity(layers.len());
    let mut placed = vec![false; layers.len()];
    while order.len() < layers.len() {
        let ready = |&i: &usize| !placed[i] && makers[i].iter().all(|&maker| placed[maker]);
        match (0..layers.len()).find(ready) {
            Some(i) => {
                placed[i] = true;
                order.push(i);
            }
            None => return Err(describe_cycle(layers, makers, &placed)),
        }
    }
    Ok(order)
}

/// Goes upstream from a layer that cannot be placed until it meets a layer again: that is a cycle.
fn describe_cycle(layers: &[LayerRef], makers: &[Vec<usize>], placed: &[bool]) -> String {
    let mut path: Vec<usize> = placed.iter().position(|&placed| !placed).into_iter().collect();
    while let Some(&last) = path.last() {
        let Some(&maker) = makers[last].iter().find(|&&maker| !placed[maker]) else { break };
        if let Some(start) = path.iter().position(|&i| i == maker) {
            path.drain(..start);
            break;
        }
        path.push(maker);
    }
    path.reverse();
    path.extend(path.first().copied());
    let names: Vec<String> = path.iter().map(|&i| format!("`{}`", wiring(&layers[i]).name)).collect();
    format!(
        "the layers {} form a cycle, in which each waits for the one before it; give one of them another bottom",
        names.join(" -> ")
    )
}

#[cfg(test)]
mod tests {
    use crate::{prelude::*, topology::Topology};

    /// Compares the order of computation, or a part of the error, with what is expected.
    fn check(layers: LayerList, expected: Result<&[&str], &str>) {
        match (Topology::new("net", &layers.0, false), expected) {
            (Ok(found), Ok(order)) => {
                let names: Vec<&str> = found.order.iter().map(|&i| super::wiring(&layers.0[i]).name.as_str()).collect();
                assert_eq!(names, order);
            }
            (Err(found), Err(part)) => {
                let text = found.to_string();
                assert!(text.contains(part), "`{text}` does not contain `{part}`");
            }
            (found, expected) => panic!("found {found:?}, expected {expected:?}"),
        }
    }

    fn data() -> MemoryData {
        MemoryData::new("data", 1).zeros("x", [1, 4]).zeros("label", [1, 1])
    }

    fn ip(name: &str, bottom: &str, top: &str) -> InnerProduct {
        InnerProduct::new(name, 3).bottom(bottom).top(top)
    }

    fn loss(bottom: &str) -> SoftmaxLoss {
        SoftmaxLoss::new("loss").bottoms([bottom, "label"])
    }

    #[test]
    fn any_order_is_sorted() {
        let order = Ok(&["data", "a", "b", "loss"][..]);
        check(layers![data(), ip("a", "x", "y"), ip("b", "y", "z"), loss("z")], order);
        check(layers![loss("z"), ip("b", "y", "z"), ip("a", "x", "y"), data()], order);
    }

    #[test]
    fn given_order_is_kept_where_possible() {
        let branches = layers![ip("b", "x", "y"), ip("a", "x", "z"), data()];
        check(branches, Ok(&["data", "b", "a"]));
    }

    #[test]
    fn names_must_be_unique() {
        let twice = layers![data(), ip("a", "x", "y"), ip("a", "x", "z")];
        check(twice, Err("two layers are called `a` (InnerProduct and InnerProduct)"));
        let blob = layers![data(), ip("a", "x", "y"), ip("b", "x", "y")];
        check(blob, Err("blob `y` is made by two layers, `a` and `b`"));
        let both = InnerProduct::new("a", 3).bottoms(["x", "x"]).tops(["y", "y"]);
        check(layers![data(), both], Err("layer `a` makes blob `y` twice"));
        check(layers![data(), ip("", "x", "y")], Err("a layer of kind InnerProduct has no name"));
        check(layers![], Err("there are no layers"));
    }

    #[test]
    fn missing_blobs_have_a_hint() {
        let typo = layers![data(), ip("a", "x", "y"), SoftmaxLoss::new("loss").bottoms(["y", "lable"])];
        check(typo, Err("layer `loss` (SoftmaxLoss) takes blob `lable`, which no layer makes; did you mean `label`?"));
        check(layers![data(), ip("a", "something", "y")], Err("there are `label`, `x`, `y`"));
    }

    #[test]
    fn cycles_are_named() {
        let cycle = layers![data(), ip("a", "z", "y"), ip("b", "y", "z"), ip("c", "z", "w")];
        check(cycle, Err("the layers `b` -> `a` -> `b` form a cycle"));
        check(layers![ip("a", "y", "y")], Err("the layers `a` -> `a` form a cycle"));
        let behind = layers![data(), ip("c", "z", "w"), ip("a", "z", "y"), ip("b", "y", "z")];
        check(behind, Err("form a cycle"));
    }

    #[test]
    fn dangling_blobs_need_a_loss() {
        let side = layers![data(), ip("a", "x", "y"), ip("b", "x", "z"), loss("y")];
        check(side, Err("blob `z` of layer `b` (InnerProduct) needs a gradient but reaches no loss layer"));
        let prob = layers![data(), ip("a", "x", "y"), loss("y"), Softmax::new("p").bottom("y").top("prob")];
        check(prob, Err("blob `prob` of layer `p` (Softmax)"));
        let accuracy = Accuracy::new("accuracy").bottoms(["y", "label"]);
        check(layers![data(), ip("a", "x", "y"), loss("x"), accuracy.clone()], Err("blob `y` of layer `a`"));
        // Data that nobody takes, statistics beside a loss, layers without parameters, and nets without a loss are fine.
        let fine = layers![data(), ip("a", "x", "y"), loss("y"), accuracy];
        check(fine, Ok(&["data", "a", "loss", "accuracy"]));
        let softmax = Softmax::new("p").bottom("x").top("prob");
        check(layers![data(), softmax, ip("a", "x", "y"), loss("y")], Ok(&["data", "p", "a", "loss"]));
        check(layers![data(), ip("a", "x", "y")], Ok(&["data", "a"]));
    }

    #[test]
    fn the_number_of_blobs_is_checked() {
        let one = SoftmaxLoss::new("loss").bottom("x");
        check(
            layers![data(), one],
            Err("layer `loss` (SoftmaxLoss): the number of bottoms is 1 (x); expected exactly 2"),
        );
        let tops = InnerProduct::new("a", 3).bottom("x");
        check(layers![data(), tops], Err("the number of tops is 0; expected as many as bottoms"));
    }
}
