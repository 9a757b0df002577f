//! A weight matrix as the kernels read it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::Compute;
use super::apart::Channels;
use super::arena::{Arena, LINE, Region};
use super::formats::{BLOCK, Format, GROUP};
use super::isa::Isa;
use super::pool::Shares;
use super::rows::{Columns, Row};

/// Element types that can be packed. Quantized ones keep their q and the precision of their scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q4K,
    Q5K,
    Q6K,
    F16,
    Bf16,
    F32,
}

/// Calls `$body` with the format of a quantized kind as `$format`; `$dense` for the others, with the bytes of an element.
macro_rules! with_format {
    ($kind:expr, $format:ident => $body:expr, $bytes:ident => $dense:expr) => {{
        use $crate::kernels::formats;
        match $kind {
            Kind::Q4_0 => {
                type $format = formats::Q4_0;
                $body
            }
            Kind::Q4_1 => {
                type $format = formats::Q4_1;
                $body
            }
            Kind::Q5_0 => {
                type $format = formats::Q5_0;
                $body
            }
            Kind::Q5_1 => {
                type $format = formats::Q5_1;
                $body
            }
            Kind::Q8_0 => {
                type $format = formats::Q8_0;
                $body
            }
            Kind::Q4K => {
                type $format = formats::Q4K;
                $body
            }
            Kind::Q5K => {
                type $format = formats::Q5K;
                $body
            }
            Kind::Q6K => {
                type $format = formats::Q6K;
                $body
            }
            Kind::F16 | Kind::Bf16 => {
                let $bytes = 2;
                $dense
            }
            Kind::F32 => {
                let $bytes = 4;
                $dense
            }
        }
    }};
}
pub(super) use with_format;

impl Kind {
    /// The type with ggml's name, if it can be packed.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "Q4_0" => Self::Q4_0,
            "Q4_1" => Self::Q4_1,
            "Q5_0" => Self::Q5_0,
            "Q5_1" => Self::Q5_1,
            "Q8_0" => Self::Q8_0,
            "Q4_K" => Self::Q4K,
            "Q5_K" => Self::Q5K,
            "Q6_K" => Self::Q6K,
            "F16" => Self::F16,
            "BF16" => Self::Bf16,
            "F32" => Self::F32,
            _ => return None,
        })
    }

    /// Whether products with it take activations rounded to 8 bits.
    pub(crate) fn is_quantized(self) -> bool {
        !matches!(self, Self::F16 | Self::Bf16 | Self::F32)
    }

    /// Bytes that `columns` columns of a row take in a file.
    fn row_bytes(self, columns: usize) -> usize {
        with_format!(self, F => columns / F::SOURCE.1 * F::SOURCE.0, bytes => columns * bytes)
    }

    /// Columns that come in whole blocks only.
    fn block(self) -> usize {
        with_format!(self, F => F::SOURCE.1, _bytes => 1)
    }

    /// Bytes of a packed group of rows of `columns` columns.
    fn group_bytes(self, columns: usize) -> usize {
        let bytes = with_format!(
            self,
            F => columns / BLOCK * F::BODY + columns / F::SOURCE.1 * F::SCALES,
            bytes => columns * GROUP * bytes
        );
        bytes.next_multiple_of(LINE)
    }
}

/// Fills a buffer with the bytes from an offset on, on behalf of a thread.
pub(crate) type Read<'a> = dyn Fn(usize, u64, &mut [u8]) -> io::Result<()> + Sync + 'a;

/// `rows` × `columns` weights in groups of sixteen rows; the last group is filled up with zeros.
pub(crate) struct Packed {
    kind: Kind,
    rows: usize,
    columns: usize,
    group_bytes: usize,
    data: Region,
    /// Where its rows begin in what it is filled from.
    origin: u64,
    channels: Channels,
    /// `[group][channel][row]` f16 weights of `channels`.
    apart: Vec<u16>,
    /// Multiplied with states that are rounded twice.
    twice: bool,
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packed({:?}, {} × {})", self.kind, self.rows, self.columns)
    }
}

impl Packed {
    /// Room in `arena` for a matrix that is stored row by row from `origin` on; zero until [`Packed::fill`].
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when rows are not made of whole blocks, or that there is no room.
    pub(crate) fn reserve(
        arena: &Arc<Arena>,
        kind: Kind,
        rows: usize,
        columns: usize,
        origin: u64,
    ) -> io::Result<Self> {
        if columns == 0
            || !columns.is_multiple_of(kind.block())
            || kind.is_quantized() && !columns.is_multiple_of(BLOCK)
        {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "rows are not made of whole blocks"));
        }
        let group_bytes = kind.group_bytes(columns);
        let data = arena.take(rows.div_ceil(GROUP) * group_bytes)?;
        let (channels, apart) = (Channels::default(), Vec::new());
        Ok(Self { kind, rows, columns, group_bytes, data, origin, channels, apart, twice: false })
    }

    /// Packs the rows of reserved matrices, all of them as one region of work: threads wait for each other once and not once a
    /// matrix. `read(thread, offset, buffer)` fills the buffer with the bytes from `offset` on; calls of different threads come at
    /// the same time.
    ///
    /// # Errors
    /// The first error of `read`.
    pub(crate) fn fill(compute: &Compute, matrices: &mut [&mut Self], read: &Read<'_>) -> io::Result<()> {
        let mut jobs = Vec::with_capacity(matrices.len());
        let mut units = Vec::with_capacity(matrices.len());
        for matrix in matrices {
            let row_bytes = matrix.kind.row_bytes(matrix.columns);
            // Below the size from which an allocator maps fresh pages for every buffer.
            let span = ((96 << 10) / (GROUP * row_bytes)).max(1);
            units.push(matrix.groups().div_ceil(span));
            let shares = Shares::new(&mut matrix.data[..]);
            jobs.push(Filling {
                kind: matrix.kind,
                rows: matrix.rows,
                columns: matrix.columns,
                origin: matrix.origin,
                group_bytes: matrix.group_bytes,
                row_bytes,
                span,
                shares,
            });
        }
        let failed = Mutex::new(None);
        compute.pool().run_all(units, |which, unit, thread| {
            if let Err(error) = jobs[which].unit(unit, thread, read) {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        });
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// Packs a matrix that lies in memory.
    pub(crate) fn pack_bytes(
        compute: &Compute,
        kind: Kind,
        rows: usize,
        columns: usize,
        bytes: &[u8],
    ) -> io::Result<Self> {
        let arena = Arena::new(Self::bytes_of(kind, rows, columns) as usize)?;
        let mut packed = Self::reserve(&arena, kind, rows, columns, 0)?;
        Self::fill(compute, &mut [&mut packed], &|_, offset, buffer| {
            let part = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)?.get(..buffer.len()));
            buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })?;
        Ok(packed)
    }

    /// From now on the weights of these columns are multiplied in f32, where a matrix is quantized.
    pub(crate) fn keep_apart(compute: &Compute, mut matrices: Vec<&mut Self>, channels: &Channels) {
        let width = channels.as_slice().len() * GROUP;
        matrices.retain(|matrix| matrix.kind.is_quantized());
        let last = channels.as_slice().last();
        assert!(matrices.iter().all(|matrix| last.is_none_or(|last| *last < matrix.columns)), "columns of all");
        let mut apart: Vec<Vec<u16>> = matrices.iter().map(|matrix| vec![0; matrix.groups() * width]).collect();
        let shares: Vec<Shares<u16>> = apart.iter_mut().map(|apart| Shares::new(apart)).collect();
        compute.pool().run_all(matrices.iter().map(|matrix| matrix.groups()), |which, group, _| {
            let matrix = &matrices[which];
            // SAFETY: each unit has a group of its own.
            let out = unsafe { shares[which].part(group * width, width) };
            compute.isa().run(Columns {
                kind: matrix.kind,
                group: matrix.group(group),
                width: matrix.columns,
                which: channels.as_slice(),
                out,
            });
        });
        for (matrix, apart) in matrices.iter_mut().zip(apart) {
            (matrix.channels, matrix.apart) = (channels.clone(), apart);
        }
    }

    /// From now on what it is multiplied with is rounded twice, where the matrix is quantized.
    pub(crate) fn take_twice_rounded(&mut self) {
        self.twice = self.kind.is_quantized();
    }

    /// Whether what it is multiplied with is rounded twice.
    pub(super) fn takes_twice_rounded(&self) -> bool {
        self.twice
    }

    /// Columns that are multiplied in f32.
    pub(super) fn channels(&self) -> &Channels {
        &self.channels
    }

    /// Their weights in one group.
    pub(super) fn apart(&self, group: usize) -> *const u16 {
        let width = self.channels.as_slice().len() * GROUP;
        self.apart[group * width..][..width].as_ptr()
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Groups of sixteen rows.
    pub(super) fn groups(&self) -> usize {
        self.rows.div_ceil(GROUP)
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> u64 {
        (self.data.len() + size_of_val(self.apart.as_slice())) as u64
    }

    /// Bytes that a matrix of this shape takes when packed.
    pub(crate) fn bytes_of(kind: Kind, rows: usize, columns: usize) -> u64 {
        rows.div_ceil(GROUP) as u64 * kind.group_bytes(columns) as u64
    }

    /// The packed bytes of one group.
    pub(super) fn group(&self, group: usize) -> *const u8 {
        self.data[group * self.group_bytes..][..self.group_bytes].as_ptr()
    }

    /// The f32 values of one row.
    pub(crate) fn row(&self, isa: Isa, row: usize, out: &mut [f32]) {
        assert!(row < self.rows && out.len() == self.columns, "a row of this matrix");
        let (group, lane) = (self.group(row / GROUP), row % GROUP);
        let read = Row { kind: self.kind, group, lane, out };
        isa.run(read);
    }
}

/// A matrix that several threads fill, some groups of rows each.
struct Filling {
    kind: Kind,
    rows: usize,
    columns: usize,
    origin: u64,
    group_bytes: usize,
    row_bytes: usize,
    /// Groups of a unit.
    span: usize,
    shares: Shares<u8>,
}

impl Filling {
    fn unit(&self, unit: usize, thread: usize, read: &Read<'_>) -> io::Result<()> {
        let first = unit * self.span;
        let count = self.span.min(self.rows.div_ceil(GROUP) - first);
        let some = (count * GROUP).min(self.rows - first * GROUP);
        let mut source = vec![0; some * self.row_bytes];
        read(thread, self.origin + (first * GROUP * self.row_bytes) as u64, &mut source)?;
        // SAFETY: each unit has the bytes of its own groups.
        let own = unsafe { self.shares.part(first * self.group_bytes, count * self.group_bytes) };
        for (row, source) in source.chunks_exact(self.row_bytes).enumerate() {
            let group = &mut own[row / GROUP * self.group_bytes..][..self.group_bytes];
            pack_row(self.kind, self.columns, row % GROUP, source, group);
        }
        Ok(())
    }
}

fn pack_row(kind: Kind, columns: usize, lane: usize, row: &[u8], group: &mut [u8]) {
    with_format!(
        kind,
        F => {
            let (bodies, scales) = group.split_at_mut(columns / BLOCK * F::BODY);
            let bodies = bodies.chunks_exact_mut(F::SOURCE.1 / BLOCK * F::BODY);
            let scales = scales.chunks_exact_mut(F::SCALES);
            for ((block, bodies), scales) in row.chunks_exact(F::SOURCE.0).zip(bodies).zip(scales) {
                F::pack(block, lane, bodies, scales);
            }
        },
        bytes => {
            for (column, element) in row.chunks_exact(bytes).enumerate() {
                group[(column * GROUP + lane) * bytes..][..bytes].copy_from_slice(element);
            }
        }
    );
}
