//! The index that views share: begun from the file or empty, topped up by each view, copied where an older one still uses it.

use std::path::Path;
use std::sync::Arc;

use super::exact::Exact;
use super::file::{Owner, RowFile, Trouble};
use super::kind::Form;
use super::rounded::Rounded;
use super::rows::Rows;
use super::{Living, Originals, VectorId, VectorIndex, VectorKind};
use crate::error::Error;
use crate::store::read::EmbedderRow;

/// An index over all vectors of a generation, and maybe some that are gone or newer. Clones are the same index until one of
/// them is appended to.
#[derive(Debug, Clone)]
pub(crate) enum Index {
    Exact(Arc<Exact>),
    Rounded(Arc<Rounded>),
}

impl Index {
    /// An empty index for `count` vectors of `dimension` components.
    pub(crate) fn new(kind: VectorKind, count: usize, dimension: usize) -> Self {
        match kind.form(count, dimension) {
            Form::Exact => Self::Exact(Arc::new(Exact::new(dimension))),
            Form::Rounded { graph } => Self::Rounded(Arc::new(Rounded::new(Rows::new(dimension), graph))),
        }
    }

    /// The same kind of index over these rows, if it is one of rounded vectors.
    pub(crate) fn with_rows(self, rows: Rows) -> Self {
        match self {
            Self::Exact(_) => self,
            Self::Rounded(rounded) => Self::Rounded(Arc::new(Rounded::new(rows, rounded.wants_graph()))),
        }
    }

    pub(crate) fn is_rounded(&self) -> bool {
        matches!(self, Self::Rounded(_))
    }

    /// Whether it is what `count` vectors would be held as. A larger index than they need stays.
    pub(crate) fn suits(&self, kind: VectorKind, count: usize) -> bool {
        match (self, kind.form(count, self.dimension())) {
            (Self::Exact(_), form) => form == Form::Exact,
            (Self::Rounded(_), Form::Exact) => kind == VectorKind::Auto,
            (Self::Rounded(rounded), Form::Rounded { graph }) => rounded.wants_graph() || !graph,
        }
    }

    pub(crate) fn dimension(&self) -> usize {
        match self {
            Self::Exact(exact) => exact.dimension(),
            Self::Rounded(rounded) => rounded.rows().dimension(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Exact(exact) => exact.len(),
            Self::Rounded(rounded) => rounded.rows().len(),
        }
    }

    /// The newest vector's id.
    pub(crate) fn last(&self) -> Option<VectorId> {
        match self {
            Self::Exact(exact) => exact.last(),
            Self::Rounded(rounded) => rounded.rows().last(),
        }
    }

    /// Appends a vector; passes over one that does not fit.
    pub(crate) fn push(&mut self, id: VectorId, values: &[f32]) {
        match self {
            // Copies the index if an older view still uses it, once.
            Self::Exact(exact) => Arc::make_mut(exact).push(id, values),
            Self::Rounded(rounded) => Arc::make_mut(rounded).rows_mut().push(id, values),
        };
    }

    /// Whether every one of the living is in it.
    pub(crate) fn holds(&self, living: Living<'_>) -> bool {
        match self {
            Self::Exact(exact) => exact.holds(living.ids()),
            Self::Rounded(rounded) => rounded.rows().holds(living.ids()),
        }
    }

    /// Whether more of it is dead than alive.
    pub(crate) fn is_wasteful(&self, living: Living<'_>) -> bool {
        self.len() > 2 * living.len() + 1024
    }

    /// Has what takes long done in the background.
    pub(crate) fn follow(&self, living: Living<'_>) {
        if let Self::Rounded(rounded) = self {
            rounded.follow(living);
        }
    }

    /// How a search among `living` compares vectors just now.
    pub(crate) fn kind(&self, living: Living<'_>) -> VectorKind {
        match self {
            Self::Exact(_) => VectorKind::Exact,
            Self::Rounded(rounded) if rounded.graph(living).is_some() => VectorKind::Graph,
            Self::Rounded(_) => VectorKind::Quantized,
        }
    }

    pub(crate) fn search(&self) -> &dyn VectorIndex {
        match self {
            Self::Exact(exact) => &**exact,
            Self::Rounded(rounded) => &**rounded,
        }
    }
}

/// The rows of the file at `path`, whole and compared with the database; `None` if there is no file. The inner error says
/// why the file is of no use.
pub(crate) fn from_file(
    path: &Path,
    embedder: &EmbedderRow,
    living: Living<'_>,
    originals: &dyn Originals,
) -> Result<Result<Option<Rows>, String>, Error> {
    let rows = match RowFile::open(path, &Owner::of(embedder)).and_then(|file| file.load()) {
        Ok(rows) => rows,
        Err(Trouble::Missing) => return Ok(Ok(None)),
        Err(trouble) => return Ok(Err(trouble.to_string())),
    };
    // One vector of each block is compared: a file of another library, or of a later state than a database that was brought back
    // from a backup, has other vectors under the same ids.
    let mut samples = Vec::with_capacity(rows.blocks().len());
    let mut before = 0;
    for block in rows.blocks() {
        let here = block.last().map_or(before, |last| living.count_to(last));
        if here > before {
            samples.extend(living.nth(here - 1));
        }
        before = here;
    }
    let mut differing = 0;
    originals.each(&samples, &mut |id, original| {
        if rows.agrees(id, original) != Some(true) {
            differing += 1;
        }
    })?;
    if differing > 0 {
        let why = format!("is not of this library ({differing} of {} vectors differ)", samples.len());
        return Ok(Err(why));
    }
    Ok(Ok(Some(rows)))
}
