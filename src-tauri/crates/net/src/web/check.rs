//! The public test: a server out there, ipfs-check's, is asked to connect to us and to ask us for
//! something.

use std::time::Duration;

use libp2p::Multiaddr;
use serde::Deserialize;
use unixfs::cid::Cid;
use url::Url;

use super::client::{self, Clients, NamedBy};
use super::{WebError, shown};
use crate::limits::{MAX_CHECK_BYTES, MAX_CHECK_WORDS, PUBLIC_CHECK_TIME};
use crate::status::{PublicCheck, Verdict};

/// Its answer, as far as it matters here (ipfs-check, `peerCheckOutput`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    connection_error: String,
    #[serde(default)]
    connection_maddrs: Option<Vec<String>>,
    #[serde(default)]
    data_available_over_bitswap: Data,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Data {
    enabled: bool,
    found: bool,
    responded: bool,
    error: String,
}

/// Asks the service at `url` to reach us at `multiaddr`, which names us at its end, and to ask for
/// `cid`.
pub(crate) async fn public_check(
    clients: &Clients,
    url: &Url,
    multiaddr: &Multiaddr,
    cid: &Cid,
) -> PublicCheck {
    let asked = tokio::time::timeout(PUBLIC_CHECK_TIME, ask(clients, url, multiaddr, cid)).await;
    match asked.unwrap_or(Err(WebError::Timeout)) {
        Ok(found) => found,
        Err(error) => PublicCheck {
            verdict: Verdict::Unknown,
            detail: Some(format!("{} {error}", shown(url))),
        },
    }
}

async fn ask(
    clients: &Clients,
    url: &Url,
    multiaddr: &Multiaddr,
    cid: &Cid,
) -> Result<PublicCheck, WebError> {
    let mut url = url.clone();
    let mut path = url.path_segments_mut().map_err(|()| WebError::NotAllowed)?;
    path.pop_if_empty().push("check");
    drop(path);
    // Its own time has to be over before ours.
    let seconds = PUBLIC_CHECK_TIME.saturating_sub(Duration::from_secs(5));
    url.query_pairs_mut()
        .append_pair("cid", &cid.to_string())
        .append_pair("multiaddr", &multiaddr.to_string())
        .append_pair("timeoutSeconds", &seconds.as_secs().to_string());
    let response = clients
        .get(url, NamedBy::Person, "application/json")
        .await?;
    read(&client::body(response, MAX_CHECK_BYTES).await?)
}

/// What it found.
pub(super) fn read(body: &[u8]) -> Result<PublicCheck, WebError> {
    let answer = serde_json::from_slice(body).map_err(|_| WebError::Wrong)?;
    Ok(judge(answer))
}

fn judge(answer: Answer) -> PublicCheck {
    let data = answer.data_available_over_bitswap;
    if !answer.connection_error.is_empty() {
        return PublicCheck {
            verdict: Verdict::No,
            detail: Some(words(&answer.connection_error)),
        };
    }
    if data.enabled && !(data.found && data.responded) && !data.error.is_empty() {
        // It got here, which is what was asked.
        tracing::debug!(error = %words(&data.error), "the public check got no block");
    }
    let addresses = answer.connection_maddrs.unwrap_or_default();
    PublicCheck {
        verdict: Verdict::Yes,
        detail: addresses.first().map(|address| words(address)),
    }
}

/// The beginning of what it said.
fn words(text: &str) -> String {
    let printable = text.chars().filter(|c| !c.is_control());
    printable.take(MAX_CHECK_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(answer: &Value, verdict: Verdict, detail: Option<&str>) {
        let answer: Answer = serde_json::from_value(answer.clone()).unwrap();
        let expected = PublicCheck {
            verdict,
            detail: detail.map(str::to_owned),
        };
        assert_eq!(judge(answer), expected);
    }

    #[test]
    fn answers() {
        let bitswap = json!({"Enabled": true, "Duration": 53_000_000, "Found": true, "Responded": true, "Error": ""});
        let address = "/ip4/8.8.8.8/udp/4001/quic-v1/p2p/12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8";
        let reached = json!({"ConnectionError": "", "PeerFoundInDHT": {address: 3}, "ProviderRecordFromPeerInDHT": true,
            "ConnectionMaddrs": [address], "DataAvailableOverBitswap": bitswap});
        check(&reached, Verdict::Yes, Some(address));
        let not = json!({"ConnectionError": "failed to dial:\n  * all dials failed", "PeerFoundInDHT": null,
            "ConnectionMaddrs": null, "DataAvailableOverBitswap": {"Enabled": false}});
        check(
            &not,
            Verdict::No,
            Some("failed to dial:  * all dials failed"),
        );
        let bare = json!({"ConnectionError": ""});
        check(&bare, Verdict::Yes, None);
    }
}
