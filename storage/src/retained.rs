//! Past states that can still be read: manifests of a window of time, with the segments that they name.
//!
//! A manifest is needed as long as some instant of the window falls behind the time it was folded up to and before that
//! of the next one; the newest is needed always. Of several that are folded up to the same entry (a compaction makes
//! one more) the last is enough. When a manifest goes, so do the segments that no other one names: its object first, so that
//! one that is there never names a segment that is not. A segment that someone still reads goes with its last reader.
//!
//! **The time of a commit** is, here, the latest instant of all transactions up to it: instants are the transactions' own and
//! may come in another order than commits, and a state that was told for some time must be told for it again.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Weak},
};

use parking_lot::{Mutex, MutexGuard};
use roaring::RoaringBitmap;

use crate::{
    catalog::TableId,
    error::{Error, Result},
    log::LogStart,
    manifest::{self, Manifest},
    objects::{ObjectName, Objects},
    segment::{Ground, Segment, SegmentId, all_segments, folder},
    state::{SegmentPart, State},
};

/// A table's segments.
pub(crate) type Segments = HashMap<TableId, Arc<Vec<SegmentPart>>>;

/// The manifests that are kept, and the segments that are open.
#[derive(Default)]
pub(crate) struct Retained {
    window_micros: i64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// By number; 0 is the empty store.
    manifests: BTreeMap<u64, Brief>,
    open: HashMap<SegmentId, Weak<Segment>>,
}

/// What of a manifest is held in memory.
struct Brief {
    folded: LogStart,
    segments: Vec<(TableId, SegmentId)>,
}

impl Brief {
    fn of(manifest: &Manifest) -> Brief {
        let named = |table: &manifest::ManifestTable| {
            let id = table.table;
            table.segments.iter().map(move |segment| (id, segment.id)).collect::<Vec<_>>()
        };
        Brief { folded: manifest.folded(), segments: manifest.tables.iter().flat_map(named).collect() }
    }
}

impl Retained {
    /// The manifests of a store that is being opened, and the newest of them.
    ///
    /// # Errors
    ///
    /// `Damaged` when the newest can't be read; of an older one, that is only told.
    pub fn open(objects: &Objects, window_seconds: u64) -> Result<(Retained, Manifest)> {
        let mut manifests = BTreeMap::from([(0, Brief::of(&Manifest::default()))]);
        let mut newest = Manifest::default();
        manifest::sync_names(objects)?;
        let mut named = manifest::all(objects)?;
        if let Some((number, name)) = named.pop() {
            newest = manifest::read(objects, &name, number)?;
            manifests.insert(number, Brief::of(&newest));
        }
        for (number, name) in named {
            match manifest::read(objects, &name, number) {
                Ok(older) => _ = manifests.insert(number, Brief::of(&older)),
                Err(error) => tracing::warn!(%error, "a past state can't be read any more"),
            }
        }
        let window_micros = i64::try_from(window_seconds.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
        let kept = Mutex::new(Kept { manifests, open: HashMap::new() });
        Ok((Retained { window_micros, kept }, newest))
    }

    /// The segments of a manifest.
    ///
    /// # Errors
    ///
    /// `Damaged`, `Io`.
    pub fn segments(&self, ground: &Arc<Ground>, manifest: &Manifest) -> Result<Segments> {
        open_segments(&mut self.kept.lock(), ground, manifest)
    }

    /// A segment by its number and the CRC of its `segment.meta`.
    ///
    /// # Errors
    ///
    /// `Damaged`, `Io`.
    pub fn open_segment(
        &self,
        ground: &Arc<Ground>,
        table: TableId,
        named: (SegmentId, u32),
    ) -> Result<Arc<Segment>> {
        self.kept.lock().open(ground, table, named)
    }

    /// These were loaded: the log names them.
    pub fn note<'a>(&self, segments: impl Iterator<Item = &'a Arc<Segment>>) {
        let mut kept = self.kept.lock();
        kept.open.extend(segments.map(|segment| (segment.id(), Arc::downgrade(segment))));
    }

    /// A manifest was published.
    pub fn add<'a>(&self, manifest: &Manifest, segments: impl Iterator<Item = &'a Arc<Segment>>) {
        let mut kept = self.kept.lock();
        kept.manifests.insert(manifest.number, Brief::of(manifest));
        kept.open.retain(|_, segment| segment.strong_count() > 0);
        kept.open.extend(segments.map(|segment| (segment.id(), Arc::downgrade(segment))));
    }

    /// The manifest to start from for a past state: the last one that `is_before` it, with its segments open.
    ///
    /// # Errors
    ///
    /// `Invalid` where nothing so old is kept; `Damaged`, `Io`.
    pub fn find(
        &self,
        ground: &Arc<Ground>,
        is_before: impl Fn(&LogStart) -> bool,
    ) -> Result<Option<(Manifest, Segments)>> {
        let mut kept = self.kept.lock();
        let found = kept.manifests.iter().rev().find(|(_, brief)| is_before(&brief.folded));
        let manifest = match found.map(|(number, _)| *number) {
            None => return Ok(None),
            Some(0) => Manifest::default(),
            Some(number) => manifest::read(&ground.objects, &manifest::name(number), number)?,
        };
        let segments = open_segments(&mut kept, ground, &manifest)?;
        Ok(Some((manifest, segments)))
    }

    /// The oldest state that is kept.
    pub fn oldest(&self) -> Option<LogStart> {
        self.kept.lock().manifests.values().next().map(|brief| brief.folded)
    }

    /// Removes manifests that the window has left, all others that are not kept, and segments that only they name.
    ///
    /// # Errors
    ///
    /// `Io`: then nothing more goes, and it is tried again the next time.
    pub fn expire(&self, objects: &Objects, now_micros: i64) -> Result<()> {
        let mut kept = self.kept.lock();
        let gone = kept.unneeded(now_micros.saturating_sub(self.window_micros));
        let is_kept = |number: &u64| kept.manifests.contains_key(number) && !gone.contains(number);
        for (_, name) in manifest::all(objects)?.iter().filter(|(number, _)| !is_kept(number)) {
            objects.delete(name)?;
        }
        let mut unnamed = HashSet::new();
        for number in gone {
            unnamed.extend(kept.manifests.remove(&number).into_iter().flat_map(|brief| brief.segments));
        }
        for brief in kept.manifests.values() {
            brief.segments.iter().for_each(|named| _ = unnamed.remove(named));
        }
        for (table, id) in unnamed {
            match kept.open.remove(&id).and_then(|open| open.upgrade()) {
                Some(open) => open.retire(),
                None => objects.delete_folder(&folder(table, id))?,
            }
        }
        Ok(())
    }

    /// Removes the segments that neither a manifest nor the log names, whose state this is: no one can have them before
    /// the store is open. Returns a number behind those of all segments.
    ///
    /// # Errors
    ///
    /// `Io`.
    pub fn remove_unnamed(&self, objects: &Objects, state: &State) -> Result<u64> {
        let kept = self.kept.lock();
        let named = kept.manifests.values().flat_map(|brief| &brief.segments);
        let mut named: HashSet<ObjectName> = named.map(|(table, id)| folder(*table, *id)).collect();
        for (table, parts) in &state.segments {
            named.extend(parts.iter().map(|part| folder(*table, part.segment.id())));
        }
        let all = objects.list(&all_segments())?;
        // `segments/<table>/<segment>`
        let found: HashSet<ObjectName> = all.iter().map(|name| name.parts().take(3).collect()).collect();
        let number = |folder: &ObjectName| folder.filename()?.parse::<u64>().ok();
        let last = found.iter().chain(&named).filter_map(number).max();
        found.difference(&named).try_for_each(|left| objects.delete_folder(left))?;
        Ok(last.map_or(0, |last| last + 1))
    }
}

impl Kept {
    /// A segment, open once however many states have it.
    fn open(
        &mut self,
        ground: &Arc<Ground>,
        table: TableId,
        named: (SegmentId, u32),
    ) -> Result<Arc<Segment>> {
        let (id, meta_crc) = named;
        if let Some(open) = self.open.get(&id).and_then(Weak::upgrade) {
            return Ok(open);
        }
        let segment = Arc::new(Segment::open(ground, table, id, meta_crc)?);
        self.open.insert(id, Arc::downgrade(&segment));
        Ok(segment)
    }

    /// The numbers of manifests that no instant behind `from_micros` needs.
    fn unneeded(&self, from_micros: i64) -> Vec<u64> {
        let next = self.manifests.values().skip(1);
        let with_next = self.manifests.iter().zip(next);
        let is_needed = |brief: &Brief, next: &Brief| {
            next.folded.csn > brief.folded.csn && next.folded.time_micros > from_micros
        };
        with_next
            .filter(|((_, brief), next)| !is_needed(brief, next))
            .map(|((number, _), _)| *number)
            .collect()
    }
}

fn open_segments(
    kept: &mut MutexGuard<'_, Kept>,
    ground: &Arc<Ground>,
    manifest: &Manifest,
) -> Result<Segments> {
    let mut tables = HashMap::new();
    for table in &manifest.tables {
        let mut parts = Vec::with_capacity(table.segments.len());
        for named in &table.segments {
            let segment = kept.open(ground, table.table, (named.id, named.meta_crc))?;
            let deleted = RoaringBitmap::deserialize_from(named.deleted.as_slice())
                .map_err(|error| Error::Internal(format!("a bitmap of the manifest: {error}")))?;
            parts.push(SegmentPart { segment, deleted: Arc::new(deleted), loaded_at: named.loaded_at });
        }
        if !parts.is_empty() {
            tables.insert(table.table, Arc::new(parts));
        }
    }
    Ok(tables)
}
