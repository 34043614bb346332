# include/: public headers
pkginclude_HEADERS = include/modsup/limits.h include/modsup/modsup.h
