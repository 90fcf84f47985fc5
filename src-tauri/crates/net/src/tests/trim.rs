//! All places are taken by peers that nobody needs.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_needed_makes_room_for_who_is() {
    let mut few = config();
    few.limits.connections = 16;
    let node = Node::start(few).await;
    let mut others = Vec::new();
    for _ in 0..17 {
        others.push(Node::start(config()).await);
    }
    let (friend, others) = others.split_last().unwrap();
    for other in others {
        node.net.dial(other.address("tcp").await).await.unwrap();
    }
    until(async || (node.net.peers().await.len() == 16).then_some(())).await;

    let cid = friend.share(&blocks(1))[0];
    let address = friend.address("tcp").await;
    let mut session = node.net.session(cid, vec![address]).await.unwrap();
    let fetched = fetch(&mut session, &[cid]).await;
    assert_eq!(fetched[0].2, friend.net.peer_id());
    assert!(node.net.peers().await.len() <= 16);
}
