"""The clipboard of the desktop."""

from gi.repository import Gdk, Gtk


class Clipboard:
    def __init__(self):
        self.clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)

    def text(self):
        """What was copied last, by whichever program."""
        return self.clipboard.wait_for_text()

    def put(self, text):
        self.clipboard.set_text(text, -1)
