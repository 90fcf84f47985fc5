"""The tray's host: takes the icon that a program registers, reads its menu and clicks the items."""

import dbus
import dbus.service

WATCHER = "org.kde.StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"


class Tray(dbus.service.Object):
    def __init__(self, bus):
        self.bus = bus
        self.item = None
        self.name = dbus.service.BusName(WATCHER, bus)
        super().__init__(bus, "/StatusNotifierWatcher")

    @dbus.service.method(WATCHER, in_signature="s", sender_keyword="sender")
    def RegisterStatusNotifierItem(self, service, sender=None):
        # A path of the sender, or the name of a service with the usual path.
        path = service if service.startswith("/") else "/StatusNotifierItem"
        self.item = (sender if service.startswith("/") else service, path)

    @dbus.service.method(WATCHER, in_signature="s")
    def RegisterStatusNotifierHost(self, service):
        pass

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        return self.GetAll(interface)[name]

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="s", out_signature="a{sv}")
    def GetAll(self, interface):
        return {
            "IsStatusNotifierHostRegistered": True,
            "ProtocolVersion": dbus.Int32(0),
            "RegisteredStatusNotifierItems": dbus.Array([], signature="s"),
        }

    @dbus.service.signal(WATCHER, signature="s")
    def StatusNotifierItemRegistered(self, service):
        pass

    def menu(self):
        """The items without separators; None while there is no icon."""
        if not self.item or not self.bus.name_has_owner(self.item[0]):
            return None
        return [{"label": item["label"]} for item in self._items()]

    def click(self, label):
        for item in self._items():
            if item["label"] == label and item["enabled"]:
                self._menu().Event(item["id"], "clicked", dbus.String("", variant_level=1), dbus.UInt32(0))
                return None
        raise LookupError(f"no item {label!r} to click among {self.menu()}")

    def _menu(self):
        item = dbus.Interface(self.bus.get_object(*self.item), dbus.PROPERTIES_IFACE)
        return dbus.Interface(self.bus.get_object(self.item[0], item.Get(ITEM, "Menu")), MENU)

    def _items(self):
        menu = self._menu()
        menu.AboutToShow(dbus.Int32(0))
        _, root = menu.GetLayout(dbus.Int32(0), dbus.Int32(-1), dbus.Array([], signature="s"))
        return list(walk(root))


def walk(entry):
    number, properties, children = entry
    label = str(properties.get("label", ""))
    if label and properties.get("visible", True):
        yield {
            "id": number,
            # An underscore marks the letter that chooses the item.
            "label": label.replace("__", "\0").replace("_", "").replace("\0", "_"),
            "enabled": bool(properties.get("enabled", True)),
        }
    for child in children:
        yield from walk(child)
