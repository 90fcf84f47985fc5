//! WebDriver to the page in the window: one driver for each window, on a port that the system chose.

use std::future::Future;
use std::path::Path;
use std::process::Command;

use fantoccini::elements::{Element, ElementRef};
use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::group::Group;
use super::processes;
use crate::wait::until;

/// The key under which WebDriver hands out an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

#[derive(Debug)]
pub(super) struct Browser {
    client: Client,
    runtime: Runtime,
    _driver: Group,
}

impl Browser {
    /// Starts `driver`, which starts `program` and takes it over.
    pub(super) fn start(driver: &mut Command, logs: &Path, program: &[String]) -> Self {
        let driver = Group::start("WebKitWebDriver", driver.arg("--port=0"), logs);
        let port = until("the driver's port", || processes::listening(driver.id()));
        let (binary, arguments) = program.split_first().unwrap();
        let capabilities = json!({
            "webkitgtk:browserOptions": { "binary": binary, "args": arguments },
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let client = runtime.block_on(async {
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities.as_object().unwrap().clone())
                .connect(&format!("http://127.0.0.1:{port}"))
                .await
        });
        let client = client.unwrap_or_else(|error| panic!("no session with the window: {error}"));
        Self {
            client,
            runtime,
            _driver: driver,
        }
    }

    pub(super) fn execute(&self, script: &str, arguments: Vec<Value>) -> Result<Value, CmdError> {
        self.wait(self.client.execute(script, arguments))
    }

    /// Runs a script that calls its last argument when it is done.
    pub(super) fn execute_async(
        &self,
        script: &str,
        arguments: Vec<Value>,
    ) -> Result<Value, CmdError> {
        self.wait(self.client.execute_async(script, arguments))
    }

    pub(super) fn click(&self, element: &Value) -> Result<(), CmdError> {
        self.wait(self.element(element).click())
    }

    pub(super) fn type_into(&self, element: &Value, text: &str) -> Result<(), CmdError> {
        self.wait(self.element(element).send_keys(text))
    }

    pub(super) fn screenshot(&self) -> Result<Vec<u8>, CmdError> {
        self.wait(self.client.screenshot())
    }

    fn element(&self, element: &Value) -> Element {
        let id = element[ELEMENT].as_str().unwrap().to_owned();
        Element::from_element_id(self.client.clone(), ElementRef::from(id))
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}
