//! One block from a trustless gateway.

use bytes::Bytes;
use unixfs::cid::{self, Cid};
use unixfs::limits::MAX_BLOCK_BYTES;
use url::Url;

use super::WebError;
use super::client::{self, Clients, NamedBy};
use crate::limits::BLOCK_REQUEST_TIME;

const RAW_BLOCK: &str = "application/vnd.ipld.raw";

/// Asks for a block. What comes is what its CID says.
pub(super) async fn block(
    clients: &Clients,
    base: &Url,
    by: NamedBy,
    cid: Cid,
) -> Result<Bytes, WebError> {
    let asking = async {
        let url = block_url(base, &cid).ok_or(WebError::NotAllowed)?;
        let response = clients.get(url, by, RAW_BLOCK).await?;
        client::body(response, MAX_BLOCK_BYTES).await
    };
    let asked = tokio::time::timeout(BLOCK_REQUEST_TIME, asking).await;
    let data = asked.unwrap_or(Err(WebError::Timeout))?;
    // Hashing a block takes up to some milliseconds, in which other tasks would wait.
    let checked = tokio::task::spawn_blocking(move || {
        cid::verify(&cid, &data).map_err(|_| WebError::Wrong)?;
        Ok(data)
    });
    checked.await.unwrap_or(Err(WebError::Wrong))
}

/// `None`: to such an address nothing can be added.
pub(super) fn block_url(base: &Url, cid: &Cid) -> Option<Url> {
    let mut url = base.clone();
    let mut path = url.path_segments_mut().ok()?;
    path.pop_if_empty().push("ipfs").push(&cid.to_string());
    drop(path);
    // Some gateways heed the header, some the query, and caches between tell requests apart by the
    // address alone.
    url.set_query(Some("format=raw"));
    url.set_fragment(None);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let text = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
        let cid = cid::parse(text).unwrap();
        for (base, expected) in [
            (
                "https://a.example",
                format!("https://a.example/ipfs/{text}?format=raw"),
            ),
            (
                "https://a.example/x/",
                format!("https://a.example/x/ipfs/{text}?format=raw"),
            ),
            (
                "http://127.0.0.1:8080/x?y=1#z",
                format!("http://127.0.0.1:8080/x/ipfs/{text}?format=raw"),
            ),
        ] {
            let url = block_url(&base.parse().unwrap(), &cid).unwrap();
            assert_eq!(url.as_str(), expected);
        }
    }
}
