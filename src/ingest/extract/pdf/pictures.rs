//! The pictures of a page that has no text layer, as files that any program of pictures reads.

use pdf_oxide::PdfDocument;
use pdf_oxide::extractors::images::{ImageData, PdfFilter, PdfImage, PdfImageHandle, PixelFormat};

/// Smallest picture that may hold words, in pixels; smaller ones are rules, dots and ornaments.
const MIN_WIDTH: u32 = 64;
const MIN_HEIGHT: u32 = 24;
/// Most pictures of a page that are taken: a scan is one, or some strips.
const MAX_PICTURES: usize = 16;
/// Most pixels of one picture: 600 dots per inch on A3.
const MAX_PIXELS: u64 = 80_000_000;

/// The pictures that a page paints and that may hold words, from top to bottom, not decoded yet.
pub(super) fn of_page(document: &PdfDocument, page: usize) -> Vec<PdfImageHandle<'_>> {
    let mut pictures = document.page_image_handles(page).unwrap_or_default();
    pictures.retain(|picture| picture.width >= MIN_WIDTH && picture.height >= MIN_HEIGHT);
    pictures.sort_by_key(|picture| std::cmp::Reverse(u64::from(picture.width) * u64::from(picture.height)));
    pictures.truncate(MAX_PICTURES);
    let top = |picture: &PdfImageHandle<'_>| picture.bbox.y + picture.bbox.height;
    pictures.sort_by(|a, b| top(b).total_cmp(&top(a)).then(a.bbox.x.total_cmp(&b.bbox.x)));
    pictures
}

/// One of them as a file: JPEG and JPEG 2000 as they are, everything else as portable gray- or pixmap (`PGM`, `PPM`).
pub(super) fn file(picture: &PdfImageHandle<'_>) -> Result<Vec<u8>, String> {
    if u64::from(picture.width) * u64::from(picture.height) > MAX_PIXELS {
        return Err(format!("a picture of {} × {} pixels is too large", picture.width, picture.height));
    }
    if matches!(picture.filter_chain[..], [PdfFilter::JPXDecode]) {
        return picture.raw_compressed_bytes().map_err(|_| "a picture is damaged".to_owned());
    }
    let decoded = picture.decode().map_err(|_| "a picture is damaged, or of a kind that is not known".to_owned())?;
    match decoded.data() {
        ImageData::Jpeg(bytes) if decoded.color_space().components() != 4 => Ok(bytes.clone()),
        ImageData::Raw { pixels, format: PixelFormat::Grayscale } if pixels.len() == area(&decoded) => {
            Ok(portable("P5", decoded.width(), decoded.height(), pixels))
        }
        ImageData::Raw { pixels, format: PixelFormat::RGB } if pixels.len() == 3 * area(&decoded) => {
            Ok(portable("P6", decoded.width(), decoded.height(), pixels))
        }
        // Fax codes, bits and inks.
        _ => {
            let gray = decoded.to_dynamic_image().map_err(|_| "a picture is damaged".to_owned())?.to_luma8();
            Ok(portable("P5", gray.width(), gray.height(), gray.as_raw()))
        }
    }
}

fn area(picture: &PdfImage) -> usize {
    picture.width() as usize * picture.height() as usize
}

/// A file of the Netpbm formats: a header in words, then eight bits a sample.
fn portable(magic: &str, width: u32, height: u32, samples: &[u8]) -> Vec<u8> {
    let mut file = format!("{magic}\n{width} {height}\n255\n").into_bytes();
    file.extend_from_slice(samples);
    file
}
