//! One file from the Hugging Face hub (or a mirror of it): resumed, retried, bounded, checked, placed.
//!
//! What the file must be is known from the catalogue, or from the first pull on this machine, or, at that first pull,
//! from the hub's own answer. The first of these that speaks is binding; a hub that offers something else is refused
//! before its body is read.

use std::path::Path;
use std::time::{Duration, Instant};

use tanya_engine::Cancel;

use super::catalogue::is_gguf;
use super::error::{Failure, ensure_free};
use super::hash::FileHash;
use super::http::{Download, Head, Step, Stop};
use super::network::Network;
use super::part::PartFile;
use super::progress::{Meter, PullEvent};
use super::store::StoredFile;

/// Tries in a row that bring no byte before a download that had begun is given up.
const FRUITLESS_TRIES: u32 = 5;
/// The same for a server that never sent a byte of the file: a first start should reach the next source soon.
const SILENT_TRIES: u32 = 2;
/// No model of the catalogue comes near it; it bounds a file whose size nobody knows.
const LARGEST: u64 = 64 << 30;

/// A repository at a revision.
pub(super) struct Hub<'a> {
    pub(super) network: &'a Network,
    pub(super) repo: &'a str,
    pub(super) revision: &'a str,
    pub(super) cancel: &'a Cancel,
}

/// What a file must be, as far as it is known before asking.
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    pub(super) size: Option<u64>,
    pub(super) sha256: Option<FileHash>,
    /// How a person accepts another hash, if the expected one comes from an earlier pull.
    pub(super) to_accept_another: Option<String>,
}

impl Hub<'_> {
    /// Fetches one file into a model's folder. What arrives before a cancel or a broken connection stays for the next
    /// call.
    pub(super) fn fetch(
        &self,
        mut wanted: Wanted<'_>,
        folder: &Path,
        meter: &mut Meter<'_>,
    ) -> Result<StoredFile, Failure> {
        let mut part = PartFile::resume(folder, wanted.name, self.cancel)?;
        // A file put together from several answers may be a mixture; one fetched in one go is what the hub offers.
        let mut pieced = part.written() > 0;
        loop {
            pieced |= self.receive(&mut part, &mut wanted, folder, meter)?;
            let got = part.hash();
            let mismatch = wanted.sha256.filter(|&sha256| sha256 != got);
            let size = part.written();
            match mismatch {
                None if wanted.must_be_seen_to_be_gguf() && !part.starts_with(b"GGUF")? => {
                    part.discard()?;
                    return Err(Failure::Source(format!("{}: what came is not a GGUF file", wanted.name)));
                }
                None => {
                    part.place(folder, wanted.name)?;
                    let source = format!("{} {}@{}", self.network.hub_name(), self.repo, self.revision);
                    return Ok(StoredFile { name: wanted.name.into(), size, sha256: got, source });
                }
                Some(_) if pieced => {
                    pieced = false;
                    part.restart()?;
                    let why = format!("{}: the pieces do not fit together; fetching it from the start", wanted.name);
                    meter.tell(PullEvent::Retrying { why, after: Duration::ZERO });
                }
                Some(sha256) => {
                    part.discard()?;
                    return Err(wanted.refuse(sha256, got));
                }
            }
        }
    }

    /// Brings the part to its full size. Returns whether it took more than one answer.
    fn receive(
        &self,
        part: &mut PartFile,
        wanted: &mut Wanted<'_>,
        folder: &Path,
        meter: &mut Meter<'_>,
    ) -> Result<bool, Failure> {
        let mut fruitless = 0;
        let mut answers = 0;
        loop {
            if part.written() > 0 && wanted.size == Some(part.written()) {
                return Ok(answers > 1);
            }
            if wanted.size.is_some_and(|size| part.written() > size) {
                part.restart()?;
            }
            let before = part.written();
            let stop = match self.answer(part, wanted, folder, meter) {
                Ok(()) => return Ok(answers > 0),
                Err(Break::Failure(failure)) => return Err(failure),
                Err(Break::Stop(stop)) => stop,
            };
            if part.written() > before {
                answers += 1;
                fruitless = 0;
            }
            fruitless += 1;
            let why = match stop {
                Stop::Cancelled => return Err(Failure::Cancelled),
                Stop::Final(why) => return Err(Failure::Source(why)),
                // The next source is a better second try than a host that was never there.
                Stop::Unreachable(why) if answers == 0 => return Err(Failure::Source(why)),
                Stop::Unreachable(why) | Stop::Broken(why) => why,
            };
            if fruitless >= if answers == 0 { SILENT_TRIES } else { FRUITLESS_TRIES } {
                return Err(Failure::Source(format!("{why}, {fruitless} times in a row")));
            }
            let after = self.network.retry_pause * 2u32.pow(fruitless - 1);
            meter.tell(PullEvent::Retrying { why, after });
            self.pause(after)?;
        }
    }

    /// One request: appends its body to the part.
    fn answer(
        &self,
        part: &mut PartFile,
        wanted: &mut Wanted<'_>,
        folder: &Path,
        meter: &mut Meter<'_>,
    ) -> Result<(), Break> {
        let path = format!("/{}/resolve/{}/{}", self.repo, self.revision, wanted.name);
        let download = Download::start(self.network, &path, part.written())?;
        loop {
            let written = part.written();
            match download.next(self.cancel, &mut || meter.tick(wanted.name, written))? {
                Step::Head(head) => {
                    wanted.agree_with(&head)?;
                    if head.status == 416 {
                        // Nothing lies behind what is there: either that is all, or it is of another file.
                        if wanted.size == Some(written) {
                            return Ok(());
                        }
                        part.restart()?;
                        return Err(broken("the server has nothing behind what was there"));
                    }
                    if head.status == 200 && written > 0 {
                        part.restart()?;
                    } else if head.status == 206 && head.start != written {
                        part.restart()?;
                        return Err(broken("the server sent another range than the one asked for"));
                    }
                    if let Some(size) = wanted.size {
                        meter.total_is(size);
                        ensure_free(folder, size.saturating_sub(part.written()))?;
                    }
                }
                Step::Data(block) => {
                    let limit = wanted.size.unwrap_or(LARGEST);
                    if written + block.len() as u64 > limit {
                        part.restart()?;
                        let why = format!("{}: more than the expected {limit} bytes came", wanted.name);
                        return Err(Break::Stop(Stop::Final(why)));
                    }
                    part.write(&block, wanted.size)?;
                    meter.arrived(wanted.name, part.written(), block.len() as u64);
                }
                Step::End => {
                    return match wanted.size {
                        Some(size) if written < size => {
                            Err(broken(&format!("the connection ended after {written} of {size} bytes")))
                        }
                        _ => Ok(()),
                    };
                }
            }
        }
    }

    fn pause(&self, length: Duration) -> Result<(), Failure> {
        let start = Instant::now();
        while let Some(left) = length.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
            if self.cancel.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            std::thread::park_timeout(left.min(Duration::from_millis(50)));
        }
        Ok(())
    }
}

impl Wanted<'_> {
    /// Without a hash a page of HTML would pass for a model, and be pinned.
    fn must_be_seen_to_be_gguf(&self) -> bool {
        self.sha256.is_none() && is_gguf(self.name)
    }

    /// Takes over what the answer says about the file, and refuses it where that contradicts what is known.
    fn agree_with(&mut self, head: &Head) -> Result<(), Break> {
        if let (Some(expected), Some(offered)) = (self.sha256, head.sha256)
            && expected != offered
        {
            return Err(Break::Failure(self.refuse(expected, offered)));
        }
        if let (Some(expected), Some(offered)) = (self.size, head.total)
            && expected != offered
        {
            let why = format!("{}: {expected} bytes were expected, {offered} are offered", self.name);
            return Err(Break::Failure(self.refuse_with(why)));
        }
        self.sha256 = self.sha256.or(head.sha256);
        self.size = self.size.or(head.total);
        Ok(())
    }

    fn refuse(&self, expected: FileHash, got: FileHash) -> Failure {
        self.refuse_with(format!("{}: SHA-256 {expected} was expected, {got} came", self.name))
    }

    fn refuse_with(&self, why: String) -> Failure {
        Failure::Source(match &self.to_accept_another {
            Some(how) => format!("{why}; the file has changed since it was first fetched here ({how})"),
            None => why,
        })
    }
}

/// Why one request ended short.
enum Break {
    Stop(Stop),
    Failure(Failure),
}

impl From<Stop> for Break {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<Failure> for Break {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

fn broken(why: &str) -> Break {
    Break::Stop(Stop::Broken(why.into()))
}
