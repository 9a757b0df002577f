//! What the processor can do at most, measured: reading weights bounds how fast tokens are written, multiplying bounds how fast a
//! prompt is read (Williams et al. 2009, roofline model).

use std::io;
use std::time::{Duration, Instant};

use super::Compute;
use super::arena::Arena;
use super::isa::Kernel;
use super::pool::Shares;
use super::simd::Simd;

/// Far more than caches hold.
const BYTES: usize = 256 << 20;
/// Bytes of a unit.
const PIECE: usize = 1 << 20;
/// Rounds of the multiplying kernel in a unit.
const ROUNDS: usize = 1 << 18;
/// Chains that do not wait for each other: more than the latency of an instruction times those that start in a cycle.
const CHAINS: usize = 12;
/// The best of so many: others only share the machine with something.
const TRIES: usize = 5;

impl Compute {
    /// Bytes a second that all threads read together.
    pub(crate) fn read_rate(&self) -> io::Result<f64> {
        let mut memory = Arena::new(BYTES)?.take(BYTES)?;
        memory.fill(1);
        let pieces = BYTES / PIECE;
        let mut seen = vec![0u8; pieces * 64];
        let shares = Shares::new(&mut seen);
        let memory = &*memory;
        Ok(best(BYTES as f64, || {
            self.pool().run(pieces, &|piece, _| {
                // SAFETY: each unit has a place of its own.
                let out = unsafe { shares.part(piece * 64, 64) };
                self.isa().run(Read { bytes: &memory[piece * PIECE..][..PIECE], out });
            });
        }))
    }

    /// Multiplications of eight-bit numbers a second, with their additions, of all threads together.
    pub(crate) fn product_rate(&self) -> f64 {
        let units = 4 * self.pool().threads();
        let mut seen = vec![0i32; units];
        let shares = Shares::new(&mut seen);
        best((units * ROUNDS * CHAINS * 64) as f64, || {
            self.pool().run(units, &|unit, _| {
                // SAFETY: each unit has a place of its own.
                let out = unsafe { shares.part(unit, 1) };
                out[0] = self.isa().run(Multiply);
            });
        })
    }
}

/// `amount` divided by the shortest time.
fn best(amount: f64, work: impl Fn()) -> f64 {
    let time = || {
        let started = Instant::now();
        work();
        started.elapsed()
    };
    let least = (0..TRIES).map(|_| time()).min().unwrap_or(Duration::MAX);
    amount / least.as_secs_f64()
}

struct Read<'a> {
    bytes: &'a [u8],
    out: &'a mut [u8],
}

impl Kernel for Read<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the caller vouches for the instructions; a chunk has four registers, `out` room for one.
        unsafe {
            let mut all = [S::load_bytes(self.bytes.as_ptr()); 4];
            for chunk in self.bytes.chunks_exact(256) {
                for (part, all) in all.iter_mut().enumerate() {
                    *all = S::or(*all, S::load_bytes(chunk.as_ptr().add(64 * part)));
                }
            }
            let all = S::or(S::or(all[0], all[1]), S::or(all[2], all[3]));
            S::store_bytes(all, self.out.as_mut_ptr());
        }
    }
}

struct Multiply;

impl Kernel for Multiply {
    type Output = i32;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> i32 {
        let bytes = std::hint::black_box([3u8; 64]);
        let signed = std::hint::black_box(0x0102_0304);
        // SAFETY: the caller vouches for the instructions; `bytes` has a register's worth.
        unsafe {
            let unsigned = S::load_bytes(bytes.as_ptr());
            let mut sums = [S::splat_i(0); CHAINS];
            for _ in 0..ROUNDS {
                for sum in &mut sums {
                    *sum = S::dot(*sum, unsigned, signed, false);
                }
            }
            sums.iter().fold(0i32, |all, sum| all.wrapping_add(S::sum_i(*sum)))
        }
    }
}
