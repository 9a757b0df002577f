//! Which instructions the processor has, and kernels compiled for them.

#[cfg(target_arch = "x86_64")]
use super::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use super::avx512::Avx512;
#[cfg(target_arch = "aarch64")]
use super::neon::Neon;
use super::simd::{Portable, Simd};

/// A set of instructions that this processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Isa(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512 {
        bf16: bool,
    },
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

/// One kernel with its arguments.
pub(super) trait Kernel {
    /// What it returns.
    type Output;
    /// Runs it on `S`. Implementations are `#[inline(always)]`.
    ///
    /// # Safety
    /// The processor must have the instructions of `S`.
    unsafe fn run<S: Simd>(self) -> Self::Output;
}

impl Isa {
    /// Every set that this processor has, the fastest first.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 =
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c");
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vnni");
            if avx2 && avx512 {
                all.push(Self(Set::Avx512 { bf16: is_x86_feature_detected!("avx512bf16") }));
            }
            if avx2 && is_x86_feature_detected!("avxvnni") {
                all.push(Self(Set::AvxVnni));
            }
            if avx2 {
                all.push(Self(Set::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") && std::arch::is_aarch64_feature_detected!("dotprod") {
            all.push(Self(Set::Neon));
        }
        all.push(Self(Set::Portable));
        all
    }

    /// The set called `name`, if this processor has it; without a name the fastest.
    pub(crate) fn choose(name: Option<&str>) -> Option<Self> {
        let mut all = Self::all().into_iter();
        match name {
            None => all.next(),
            Some(name) => all.find(|isa| isa.name() == name),
        }
    }

    /// Whether these are more than what every processor has.
    pub(crate) fn is_fast(self) -> bool {
        self.0 != Set::Portable
    }

    /// As people and `TANYA_ISA` write it.
    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 { .. } => "avx512",
            #[cfg(target_arch = "x86_64")]
            Set::AvxVnni => "avxvnni",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Set::Neon => "neon",
            Set::Portable => "portable",
        }
    }

    /// As [`Isa::run`], for a kernel that multiplies bfloat16, with the instructions for that where the processor has them: what the
    /// other kernels would not use is not compiled for them.
    pub(super) fn run_bf16<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            // SAFETY: a value of this type exists only for sets that the processor was found to have.
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 { bf16: true } => unsafe { on_avx512_bf16(kernel) },
            _ => self.run(kernel),
        }
    }

    /// Runs `kernel` compiled for this set.
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: a value of this type exists only for sets that the processor was found to have.
        unsafe {
            match self.0 {
                #[cfg(target_arch = "x86_64")]
                Set::Avx512 { .. } => on_avx512(kernel),
                #[cfg(target_arch = "x86_64")]
                Set::AvxVnni => on_avxvnni(kernel),
                #[cfg(target_arch = "x86_64")]
                Set::Avx2 => on_avx2(kernel),
                #[cfg(target_arch = "aarch64")]
                Set::Neon => on_neon(kernel),
                Set::Portable => kernel.run::<Portable>(),
            }
        }
    }
}

/// # Safety
/// The processor must have these instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn on_avx512<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: as this function.
    unsafe { kernel.run::<Avx512<false>>() }
}

/// # Safety
/// The processor must have these instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16")]
unsafe fn on_avx512_bf16<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: as this function.
    unsafe { kernel.run::<Avx512<true>>() }
}

/// # Safety
/// The processor must have these instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c,avxvnni")]
unsafe fn on_avxvnni<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: as this function.
    unsafe { kernel.run::<Avx2<true>>() }
}

/// # Safety
/// The processor must have these instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn on_avx2<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: as this function.
    unsafe { kernel.run::<Avx2<false>>() }
}

/// # Safety
/// The processor must have these instructions.
#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon,dotprod")]
unsafe fn on_neon<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: as this function.
    unsafe { kernel.run::<Neon>() }
}
