//! One pass over all matches: the best chunks, and beside them every score, for the chunks that the vectors bring up: a plain
//! top list would not know those, and the vectors are compared at the same time.

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
    /// All that match, in no order, a list for each segment; nothing where they were not asked for.
    all: Vec<Vec<Scored<ChunkId>>>,
}

impl Matches {
    /// The scores of the `wanted` chunks that match at all.
    pub(crate) fn scores(&self, wanted: &HashSet<ChunkId>) -> HashMap<ChunkId, f32> {
        // Matches are many and hashing is slow: a bit for the end of each wanted number sends nearly all of the others away.
        const BITS: usize = 1 << 16;
        let bit = |id: ChunkId| id.0 as usize % BITS;
        let mut ends = vec![0u64; BITS / 64];
        for id in wanted {
            ends[bit(*id) / 64] |= 1 << (bit(*id) % 64);
        }
        let may_be = |id: ChunkId| ends[bit(id) / 64] >> (bit(id) % 64) & 1 == 1;
        let found = self.all.iter().flatten().filter(|scored| may_be(scored.id) && wanted.contains(&scored.id));
        found.map(|scored| (scored.id, scored.score)).collect()
    }
}

/// Collects the best, and all where `keep_all`.
pub(super) struct BestAndAll {
    pub(super) limit: usize,
    pub(super) keep_all: bool,
    /// The only chunks that count; all where it is `None`.
    pub(super) admitted: Option<Arc<HashSet<ChunkId>>>,
}

pub(super) struct Segment {
    ids: Arc<dyn ColumnValues<u64>>,
    keep_all: bool,
    admitted: Option<Arc<HashSet<ChunkId>>>,
    top: Top<ChunkId>,
    all: Vec<Scored<ChunkId>>,
}

impl Collector for BestAndAll {
    type Fruit = Matches;
    type Child = Segment;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<Segment> {
        Ok(Segment {
            ids: segment.fast_fields().u64(CHUNK)?.first_or_default_col(0),
            keep_all: self.keep_all,
            admitted: self.admitted.clone(),
            top: Top::new(self.limit),
            all: Vec::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        true
    }

    fn merge_fruits(&self, segments: Vec<Matches>) -> tantivy::Result<Matches> {
        let mut top = Top::new(self.limit);
        let mut all = Vec::new();
        for segment in segments {
            segment.best.into_iter().for_each(|scored| top.push(scored));
            all.extend(segment.all);
        }
        Ok(Matches { best: top.into_sorted(), all })
    }
}

impl SegmentCollector for Segment {
    type Fruit = Matches;

    fn collect(&mut self, doc: DocId, score: Score) {
        let id = ChunkId(self.ids.get_val(doc) as i64);
        if self.admitted.as_ref().is_some_and(|admitted| !admitted.contains(&id)) {
            return;
        }
        let scored = Scored { score, id };
        self.top.push(scored);
        if self.keep_all {
            self.all.push(scored);
        }
    }

    fn harvest(self) -> Matches {
        Matches { best: self.top.into_sorted(), all: vec![self.all] }
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
