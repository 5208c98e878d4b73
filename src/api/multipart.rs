//! `multipart/form-data` bodies: each part is a field, under the part's name.
//!
//! The size limit is not here: the body itself ends in an error when it is exceeded.

use bytes::Buf as _;
use futures_util::StreamExt as _;
use warp::multipart::{FormData, Part};

use super::form::{Field, FieldBound, FormError, at, called};

/// The parts in the order sent, repeated ones included. Values are taken as they stand: nothing
/// is percent-encoded in this form.
///
/// # Errors
/// Names the part at fault; a body that breaks off is one.
pub(super) async fn read(
    mut form: FormData,
    bound: FieldBound,
) -> Result<Vec<Field<'static>>, FormError> {
    let mut fields = Vec::new();
    while let Some(part) = form.next().await {
        let position = fields.len() + 1;
        let part = part.map_err(|_| FormError::Multipart(at(position)))?;
        if fields.len() >= bound.max {
            return Err(bound.exceeded());
        }
        fields.push(field(part, position).await?);
    }
    Ok(fields)
}

async fn field(mut part: Part, position: usize) -> Result<Field<'static>, FormError> {
    let name = part.name().to_owned();
    let mut value = Vec::new();
    while let Some(chunk) = part.data().await {
        let mut chunk = chunk.map_err(|_| FormError::Multipart(called(&name, position)))?;
        value.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
    }
    match String::from_utf8(value) {
        Ok(value) => Ok(Field {
            name: name.into(),
            value: Some(value.into()),
        }),
        Err(_) => Err(FormError::Utf8(called(&name, position))),
    }
}
