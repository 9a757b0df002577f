//! How vectors are compared, and how many make which way the better one.

use serde::{Deserialize, Serialize};

use super::kernels;

/// How a library is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// How vectors are compared.
    pub vectors: VectorKind,
}

/// How the vectors of a library are compared with a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VectorKind {
    /// By their number: exactly up to 50,000, quantized up to two million, then through a graph.
    #[default]
    Auto,
    /// Every vector as it is, in memory: four bytes a component.
    Exact,
    /// Every vector in eight bits, from a file that is mapped, and the best few hundred as they are.
    Quantized,
    /// Along a graph of near vectors, and the best few hundred as they are. Vectors newer than the graph, and searches with
    /// conditions, are scanned as with [`VectorKind::Quantized`], and so is everything until the graph is built.
    Graph,
}

/// Vectors that are scanned as they are: at 384 components 77 MB and, measured, 2 ms a query on one thread. Embedding the
/// query takes several times that.
const EXACT_UP_TO: usize = 50_000;

/// Vectors that are scanned in eight bits, 40 MB for 100,000. The scan is bound by memory: measured, 4 ms for 100,000 vectors of 384
/// components on one thread. A graph answers faster from some 13,000 on, but costs a minute of one processor and some
/// 150 MB for every 50,000 vectors, at every start. Up to two million, some 40 ms on two threads with recall 1 and no
/// start at all are the better bargain.
const QUANTIZED_UP_TO: usize = 2_000_000;

/// What an index is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Exact,
    Rounded { graph: bool },
}

impl VectorKind {
    /// Every kind, in the order of the size of a folder.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Exact, Self::Quantized, Self::Graph];

    /// As a person writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Exact => "exact",
            Self::Quantized => "quantized",
            Self::Graph => "graph",
        }
    }

    /// What `count` vectors of `dimension` components are held as.
    pub(super) fn form(self, count: usize, dimension: usize) -> Form {
        // Longer vectors are none that any model makes; their sums would not fit into 32 bits.
        if dimension > kernels::LONGEST {
            return Form::Exact;
        }
        match self {
            Self::Auto if count > QUANTIZED_UP_TO => Form::Rounded { graph: true },
            Self::Auto if count > EXACT_UP_TO => Form::Rounded { graph: false },
            Self::Auto | Self::Exact => Form::Exact,
            Self::Quantized => Form::Rounded { graph: false },
            Self::Graph => Form::Rounded { graph: true },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_vectors_chooses_unless_a_kind_is_asked_for() {
        let auto = |count| VectorKind::Auto.form(count, 384);
        assert_eq!([auto(0), auto(EXACT_UP_TO)], [Form::Exact; 2]);
        assert_eq!([auto(EXACT_UP_TO + 1), auto(QUANTIZED_UP_TO)], [Form::Rounded { graph: false }; 2]);
        assert_eq!(auto(QUANTIZED_UP_TO + 1), Form::Rounded { graph: true });
        assert_eq!(VectorKind::Exact.form(usize::MAX, 384), Form::Exact);
        assert_eq!(VectorKind::Graph.form(0, 384), Form::Rounded { graph: true });
        assert_eq!(VectorKind::Quantized.form(0, kernels::LONGEST + 1), Form::Exact);
    }

    #[test]
    fn names_are_what_is_stored() {
        for kind in VectorKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.name()));
        }
    }
}
