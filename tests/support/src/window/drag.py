"""A small window from which files are dragged, as from a file manager.

The pointer is moved by xdotool. `state` follows the drag: "shown", "begun", then "dropped" or "refused".
"""

from gi.repository import Gdk, Gtk


class DragSource:
    def __init__(self):
        self.state = None
        self.uris = []
        self.window = None

    def show(self, what):
        """Offers `uris` at the place `x`, `y` of the screen."""
        self.hide()
        self.uris = what["uris"]
        window = Gtk.Window(type=Gtk.WindowType.POPUP)
        window.set_default_size(80, 40)
        window.move(what["x"], what["y"])
        handle = Gtk.EventBox()
        handle.add(Gtk.Label(label="files"))
        handle.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
        handle.drag_source_add_uri_targets()
        handle.connect("drag-data-get", lambda _w, _c, data, _i, _t: data.set_uris(self.uris))
        handle.connect("drag-begin", lambda *_: self.becomes("begun"))
        handle.connect("drag-failed", lambda *_: self.becomes("refused"))
        handle.connect("drag-end", lambda *_: self.state == "refused" or self.becomes("dropped"))
        handle.connect("map-event", lambda *_: self.becomes("shown"))
        window.add(handle)
        window.show_all()
        self.becomes("shown")
        self.window = window

    def hide(self):
        if self.window:
            self.window.destroy()
            self.window = None

    def becomes(self, state):
        self.state = state
        return False
