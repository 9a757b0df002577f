//! One pass over all matches: the best chunks, and beside them the scores of chunks that the vectors brought up, which
//! a plain top list would not know.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::ColumnValues;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use super::schema::CHUNK;
use crate::top::{Scored, Top};
use crate::types::ChunkId;

/// What a search by words found.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    /// Best first, ties by id.
    pub(crate) best: Vec<Scored<ChunkId>>,
    /// The scores of the wanted chunks that match at all.
    pub(crate) wanted: HashMap<ChunkId, f32>,
}

pub(super) struct BestAndWanted {
    pub(super) limit: usize,
    pub(super) wanted: Arc<HashSet<ChunkId>>,
    /// The only chunks that count; all where it is `None`.
    pub(super) admitted: Option<Arc<HashSet<ChunkId>>>,
}

pub(super) struct Segment {
    ids: Arc<dyn ColumnValues<u64>>,
    wanted: Arc<HashSet<ChunkId>>,
    admitted: Option<Arc<HashSet<ChunkId>>>,
    top: Top<ChunkId>,
    found: HashMap<ChunkId, f32>,
}

impl Collector for BestAndWanted {
    type Fruit = Matches;
    type Child = Segment;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<Segment> {
        Ok(Segment {
            ids: segment.fast_fields().u64(CHUNK)?.first_or_default_col(0),
            wanted: Arc::clone(&self.wanted),
            admitted: self.admitted.clone(),
            top: Top::new(self.limit),
            found: HashMap::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        true
    }

    fn merge_fruits(&self, segments: Vec<Matches>) -> tantivy::Result<Matches> {
        let mut top = Top::new(self.limit);
        let mut wanted = HashMap::new();
        for segment in segments {
            segment.best.into_iter().for_each(|scored| top.push(scored));
            wanted.extend(segment.wanted);
        }
        Ok(Matches { best: top.into_sorted(), wanted })
    }
}

impl SegmentCollector for Segment {
    type Fruit = Matches;

    fn collect(&mut self, doc: DocId, score: Score) {
        let id = ChunkId(self.ids.get_val(doc) as i64);
        if self.admitted.as_ref().is_some_and(|admitted| !admitted.contains(&id)) {
            return;
        }
        self.top.push(Scored { score, id });
        if self.wanted.contains(&id) {
            self.found.insert(id, score);
        }
    }

    fn harvest(self) -> Matches {
        Matches { best: self.top.into_sorted(), wanted: self.found }
    }
}

/// The numbers of all chunks that match.
pub(super) struct All;

pub(super) struct AllOfSegment {
    ids: Arc<dyn ColumnValues<u64>>,
    found: HashSet<ChunkId>,
}

impl Collector for All {
    type Fruit = HashSet<ChunkId>;
    type Child = AllOfSegment;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<AllOfSegment> {
        let ids = segment.fast_fields().u64(CHUNK)?.first_or_default_col(0);
        Ok(AllOfSegment { ids, found: HashSet::new() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<HashSet<ChunkId>>) -> tantivy::Result<HashSet<ChunkId>> {
        Ok(segments.into_iter().flatten().collect())
    }
}

impl SegmentCollector for AllOfSegment {
    type Fruit = HashSet<ChunkId>;

    fn collect(&mut self, doc: DocId, _: Score) {
        self.found.insert(ChunkId(self.ids.get_val(doc) as i64));
    }

    fn harvest(self) -> HashSet<ChunkId> {
        self.found
    }
}
