# supervisor/client/: the connection to a control socket, for programs that speak to modsupd.
noinst_LIBRARIES += libms-client.a
libms_client_a_SOURCES = supervisor/client/client.c supervisor/client/client.h
CLIENT_LIBS = libms-client.a $(POLICY_LIBS)
