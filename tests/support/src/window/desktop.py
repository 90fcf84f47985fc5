"""The hand of a test on its desktop: one JSON object a line, question and answer.

A question is {"do": name, "with": argument}; the answer {"ok": value} or {"error": text}. Started by helper.rs.
"""

import json
import sys
import traceback

import dbus
import dbus.mainloop.glib
import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gio, GLib, Gtk  # noqa: E402

from clipboard import Clipboard  # noqa: E402
from close import close_window  # noqa: E402
from drag import DragSource  # noqa: E402
from notifications import Notifications  # noqa: E402
from screen import picture  # noqa: E402
from tray import Tray  # noqa: E402


def main():
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.SessionBus()
    clipboard, drag, tray, notifications = Clipboard(), DragSource(), Tray(bus), Notifications(bus)
    calls = {
        "copied": lambda _: clipboard.text(),
        "copy": clipboard.put,
        "drag": drag.show,
        "dragging": lambda _: drag.state,
        "drag-over": lambda _: drag.hide(),
        "menu": lambda _: tray.menu(),
        "click": tray.click,
        "notifications": lambda _: notifications.shown,
        "close": close_window,
        # As a browser does with a link that is not for itself.
        "follow": lambda link: Gio.AppInfo.launch_default_for_uri(link, None),
        "screen": picture,
    }

    def answer(question):
        try:
            reply = {"ok": calls[question["do"]](question.get("with"))}
        except Exception as error:  # the test decides what an error means
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)

    def readable(_source, _condition):
        line = sys.stdin.buffer.readline()
        if not line:
            Gtk.main_quit()
            return False
        answer(json.loads(line))
        return True

    GLib.io_add_watch(sys.stdin.fileno(), GLib.IO_IN | GLib.IO_HUP, readable)
    print("ready", flush=True)
    Gtk.main()


main()
