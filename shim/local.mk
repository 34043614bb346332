# shim/
