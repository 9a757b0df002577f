//! Which processor computes.

use candle_core::Device;

use crate::error::Error;

/// Where a model runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceKind {
    /// The processor.
    #[default]
    Cpu,
    /// The first NVIDIA card; needs the cargo feature `cuda`.
    Cuda,
    /// Apple's GPU; needs the cargo feature `metal`.
    Metal,
}

impl DeviceKind {
    /// The name used in messages and settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Metal => "metal",
        }
    }
}

/// Opens the device, or says why it cannot be used.
pub(crate) fn open(kind: DeviceKind) -> Result<Device, Error> {
    let opened = match kind {
        DeviceKind::Cpu => Ok(Device::Cpu),
        DeviceKind::Cuda => Device::new_cuda(0),
        DeviceKind::Metal => Device::new_metal(0),
    };
    opened.map_err(|error| Error::Device { device: kind.name(), reason: error.to_string() })
}
