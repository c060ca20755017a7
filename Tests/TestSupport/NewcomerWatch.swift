/// A program in Python that looks into each process which comes after it, as fast as it can, and logs what rights and
/// which executable one has whose memory it can open.
///
/// It opens `ready` when it begins, and never ends.
package func newcomerWatch(ready: String, log: String) -> String {
    """
    import os
    last, known = os.getpid(), set()
    open("\(ready)", "w").close()
    while True:
        for pid in range(last + 1, last + 5):
            try:
                os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))
                link = os.readlink(f"/proc/{pid}/exe")
                with open(f"/proc/{pid}/status") as status: rights = status.read().split("CapPrm:")[1].split()[0]
                if (link, rights) in known: continue
                known.add((link, rights))
                with open("\(log)", "a") as log: print(rights, link, file=log)
            except OSError: pass
        with open("/proc/loadavg") as load: last = max(last, int(load.read().split()[4]) - 1)
    """
}
