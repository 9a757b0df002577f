//! Some paths of the folder, each with all that is below it: what a scan can be limited to.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use crate::paths;

/// Relative paths, none of which lies below another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope(BTreeSet<PathBuf>);

impl Scope {
    pub(crate) fn new<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        let sorted: BTreeSet<&PathBuf> = paths.into_iter().collect();
        let mut kept: Vec<PathBuf> = Vec::new();
        // Paths are ordered by their components: what lies below one follows it directly.
        for path in sorted {
            if kept.last().is_none_or(|last| !path.starts_with(last)) {
                kept.push(path.clone());
            }
        }
        Self(kept.into_iter().collect())
    }

    /// The paths as the library names them.
    pub(crate) fn encoded(&self) -> Vec<String> {
        self.0.iter().map(|path| paths::encode(path)).collect()
    }

    /// Whether `path` is one of them or lies below one.
    pub(crate) fn covers(&self, path: &Path) -> bool {
        path.ancestors().any(|above| self.0.contains(above))
    }

    /// Whether `path` is covered, or a folder on the way to one of them.
    pub(super) fn leads(&self, path: &Path) -> bool {
        let after = (Bound::Included(path), Bound::Unbounded);
        let next = self.0.range::<Path, (Bound<&Path>, Bound<&Path>)>(after).next();
        next.is_some_and(|wanted| wanted.starts_with(path)) || self.covers(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_path() -> impl Strategy<Value = PathBuf> {
        "[ab-](/[ab-]){0,3}".prop_map(PathBuf::from)
    }

    proptest! {
        #[test]
        fn a_scope_means_the_same_as_its_paths(wanted in prop::collection::vec(any_path(), 0..6), path in any_path()) {
            let scope = Scope::new(&wanted);
            let covered = wanted.iter().any(|wanted| path.starts_with(wanted));
            prop_assert_eq!(scope.covers(&path), covered);
            prop_assert_eq!(scope.leads(&path), covered || wanted.iter().any(|wanted| wanted.starts_with(&path)));
        }
    }

    #[test]
    fn a_path_below_another_adds_nothing() {
        let scope = Scope::new(&["a/b".into(), "a".into(), "a-b".into(), "c".into()]);
        assert_eq!(scope.encoded(), ["a", "a-b", "c"]);
    }
}
