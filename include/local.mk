# include/: public headers
pkginclude_HEADERS = include/modsup/limits.h
