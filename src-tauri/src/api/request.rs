//! The list of all calls, and how one of them travels: `{"call": name, "with": what is asked}`.

use engine::Engine;
use engine::api::Problem;
use engine::api::{
    AcceptRequest, CheckLinkRequest, CheckRequest, DownloadRequest, FilesRequest,
    InspectLinkRequest, InspectPathsRequest, LibraryRequest, PrioritizeRequest, RelocateRequest,
    SelectRequest, SendRequest, ShareRequest, StandingRequest,
};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

#[cfg(test)]
use super::typescript::File;
use super::{
    ActAllRequest, ActRequest, Answer, BannedRequest, Call, CatRequest, ChangesRequest,
    DeclineRequest, DevicesRequest, DiagnosticsRequest, ExportCarRequest, FindDeviceRequest,
    HelloRequest, ImportCarRequest, ItemRequest, ItemsRequest, LinkRequest, ListRequest,
    NetworkRequest, OffersRequest, PeersRequest, PeopleRequest, PiecesRequest, PlaceRequest,
    ReadRequest, RemarksRequest, RemoveRequest, RenameRequest, Reply, ReportRequest,
    SetSettingRequest, SettingsRequest, SizeRequest, answered,
};

macro_rules! calls {
    (page: $($page:ident),+; commands: $($command:ident),+;) => {
        calls!($($page),+, $($command),+);

        /// The calls of the window: from this its types are written.
        #[cfg(test)]
        pub(super) fn calls_of_the_page(file: &mut File) {
            $(file.call::<$page>();)+
        }
    };
    ($($call:ident),+) => {
        /// Any of the calls.
        #[allow(clippy::enum_variant_names, reason = "each is named as its request is")]
        #[derive(Debug)]
        pub(crate) enum Request {
            $($call($call)),+
        }

        $(impl From<$call> for Request {
            fn from(call: $call) -> Self {
                Self::$call(call)
            }
        })+

        impl Request {
            /// See [`Call::ONLY_WAITS`].
            pub(crate) fn only_waits(&self) -> bool {
                match self {
                    $(Self::$call(_) => $call::ONLY_WAITS),+
                }
            }

            /// Asks an engine of this process.
            pub(crate) async fn run(self, engine: &Engine) -> Result<Reply, Problem> {
                let answer = async {
                    match self {
                        $(Self::$call(call) => call.run(engine).await?.into_reply()),+
                    }
                };
                answered(answer).await
            }

            fn written(&self) -> serde_json::Result<Wire> {
                match self {
                    $(Self::$call(call) => Wire::of(call)),+
                }
            }

            fn read(Wire { call, with }: Wire) -> serde_json::Result<Self> {
                match call.as_str() {
                    $($call::NAME => serde_json::from_value(with).map(Self::$call),)+
                    unknown => Err(serde_json::Error::unknown_variant(unknown, &[$($call::NAME),+])),
                }
            }
        }
    };
}

calls! {
    page:
        HelloRequest,
        LibraryRequest,
        ItemRequest,
        ReportRequest,
        InspectPathsRequest,
        ShareRequest,
        CheckLinkRequest,
        InspectLinkRequest,
        DownloadRequest,
        ActRequest,
        ActAllRequest,
        RemoveRequest,
        RenameRequest,
        RelocateRequest,
        FilesRequest,
        SelectRequest,
        PrioritizeRequest,
        PeopleRequest,
        PiecesRequest,
        LinkRequest,
        SettingsRequest,
        SetSettingRequest,
        NetworkRequest,
        CheckRequest,
        StandingRequest,
        BannedRequest,
        RemarksRequest,
        DiagnosticsRequest;
    commands:
        ChangesRequest,
        ItemsRequest,
        ListRequest,
        CatRequest,
        ReadRequest,
        SizeRequest,
        PlaceRequest,
        ImportCarRequest,
        ExportCarRequest,
        PeersRequest,
        DevicesRequest,
        FindDeviceRequest,
        SendRequest,
        OffersRequest,
        AcceptRequest,
        DeclineRequest;
}

/// A call as it travels. One that asks for nothing in particular has no `with`.
#[derive(Serialize, Deserialize)]
struct Wire {
    call: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    with: Value,
}

impl Wire {
    fn of<C: Call>(call: &C) -> serde_json::Result<Self> {
        Ok(Self {
            call: C::NAME.to_owned(),
            with: serde_json::to_value(call)?,
        })
    }
}

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = self.written().map_err(S::Error::custom)?;
        wire.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        Self::read(wire).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use engine::api::ItemId;
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_travel_under_their_names() {
        let check = |request: Request, text: Value| {
            assert_eq!(serde_json::to_value(&request).unwrap(), text);
            let back: Request = serde_json::from_value(text.clone()).unwrap();
            assert_eq!(serde_json::to_value(&back).unwrap(), text);
        };
        check(ItemsRequest.into(), json!({"call": "items"}));
        let item = ItemRequest { id: ItemId(7) };
        check(item.into(), json!({"call": "item", "with": {"id": 7}}));
        let all = PeopleRequest { id: None };
        check(all.into(), json!({"call": "people", "with": {"id": null}}));
    }

    #[test]
    fn what_is_no_call_is_refused() {
        for text in [
            json!({"call": "explode"}),
            json!({"call": "item"}),
            json!({"call": "item", "with": {}}),
            json!({"with": {"id": 7}}),
        ] {
            serde_json::from_value::<Request>(text).unwrap_err();
        }
        // As the page writes it.
        let plain = json!({"call": "hello", "with": null});
        serde_json::from_value::<Request>(plain).unwrap();
    }
}
