//! Files and places that are not Shoal's: what was there before, what came in between, disks that go and come.
