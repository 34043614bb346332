/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session.c - the loop of `run` and of `exec`. One poll(2) for the supervisor, the signals and the
 * streams. The instance, or the command in one, is attached to the connection: however this program
 * ends, it ends too.
 *
 *	STARTING --answer--> RUNNING --wait answered--> ENDED --drained, last event--> exit
 *	   | signal             | signal: stop; again: hang up
 *	   v                    v
 *	  exit                 exit
 *
 * A command is not waited for by a request: a notification tells its end; and a signal hangs up at
 * once.
 */
#include "supervisor/ctl/session.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

#include "supervisor/ctl/ending.h"
#include "supervisor/ctl/flow.h"
#include "supervisor/ctl/request.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/tally.h"
#include "supervisor/ctl/terminal.h"

#define SUBSCRIBE_MS	 30000
#define DRAIN_MS	 2000  /* silence after the end before a stream is given up */
#define LAST_EVENT_MS	 2000  /* for instance.exited, which follows the violations */
#define STOP_MS		 90000 /* the longest stop time-out, the kill, and some air */
#define MAX_TELL_BYTES	 (1024u * 1024u)
#define MAX_INSTANCE_LEN 64u
#define N_FLOWS		 3u

enum phase { PHASE_STARTING, PHASE_RUNNING, PHASE_ENDED };

struct session {
	struct ms_ctl *ctl;
	struct ms_client *client;	    /* borrowed */
	struct ms_session_request *request; /* borrowed */
	enum phase phase;
	int code;      /* what we end with, once @over */
	bool over;     /* leave the loop */
	bool stopping; /* instance.stop is sent */
	bool timed_out;
	bool last_event;		 /* instance.exited was seen */
	bool hung_up;			 /* by the supervisor, after the end */
	char exec[MAX_INSTANCE_LEN + 1]; /* of a command: its id, once it runs */
	uint64_t start_id, wait_id, stop_id;
	char instance[MAX_INSTANCE_LEN + 1];
	struct ms_message ending; /* the answer to instance.wait */
	struct ms_terminal terminal;
	struct ms_tally tally;
	struct ms_flow flows[N_FLOWS]; /* PIPE: in, out, err; TTY: in, out */
	uint32_t n_flows;
	int signals, resize_to;	   /* signalfd, owned; the terminal's master, borrowed, or -1 */
	int64_t deadline, drained; /* ms; -1 for none */
	int64_t last_event_by;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_BOOTTIME, &ts) < 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void end_with(struct session *s, int code)
{
	s->over = true;
	s->code = code;
}

/* Requests */

static void send_about(struct session *s, const char *method, uint64_t *ret_id)
{
	struct ms_jw *jw = ms_jw_new();
	struct ms_error err = MS_ERROR_INIT;

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_text(jw, "instance", s->instance);
		ms_jw_end(jw);
	}
	if (ms_client_send(s->client, method, jw, ret_id, &err) < 0) {
		ms_terminal_restore(&s->terminal);
		(void)ms_say_error(s->ctl, &err);
		end_with(s, MS_EXIT_UNREACHABLE);
	}
}

static void stop(struct session *s)
{
	s->stopping = true;
	s->deadline = now_ms() + STOP_MS;
	send_about(s, "instance.stop", &s->stop_id);
}

/* Messages */

static void take_event(struct session *s, const struct ms_json *event)
{
	struct ms_str type = ms_client_get_str(event, "type");

	if (ms_say_is(type, "violation"))
		ms_tally_add(&s->tally, event);
	else if (ms_say_is(type, "instance.exited") && s->instance[0] &&
		 ms_say_is(ms_client_get_str(event, "instance"), s->instance))
		s->last_event = true;
}

static int add_flow(struct session *s, int in, bool owns_in, int out, bool owns_out)
{
	int fd = owns_in ? in : out;
	int flags = fcntl(fd, F_GETFL);

	/* Ours alone: the module's end of a pipe is another open file, and so is a terminal's. */
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	ms_flow_init(&s->flows[s->n_flows++], in, owns_in, out, owns_out);
	return 0;
}

static int attach_terminal(struct session *s, struct ms_message *answer)
{
	int copy = fcntl(answer->fds[0], F_DUPFD_CLOEXEC, 3);
	int r;

	if (copy < 0)
		return -errno;
	r = add_flow(s, STDIN_FILENO, false, copy, true);
	if (r < 0) {
		(void)ms_fd_close(copy); /* the number is a local one */
		return r;
	}
	r = add_flow(s, answer->fds[0], true, STDOUT_FILENO, false);
	if (r < 0)
		return r;
	answer->n_fds = 0; /* the flow has it */
	s->resize_to = copy;
	ms_terminal_copy_size(STDIN_FILENO, copy);
	return ms_terminal_raw(&s->terminal, STDIN_FILENO);
}

static int attach_pipes(struct session *s, struct ms_message *answer)
{
	int r = add_flow(s, STDIN_FILENO, false, answer->fds[0], true);

	if (r == 0)
		r = add_flow(s, answer->fds[1], true, STDOUT_FILENO, false);
	if (r == 0)
		r = add_flow(s, answer->fds[2], true, STDERR_FILENO, false);
	if (r == 0)
		answer->n_fds = 0; /* the flows have them */
	else
		s->n_flows = 0; /* the message still has them */
	return r;
}

/* Which instance it is; of a command, which command. */
static int read_name(struct session *s, const struct ms_json *answer, struct ms_error *err)
{
	struct ms_str name = ms_client_get_str(answer, s->request->exec ? "exec" : "instance");

	if (name.len == 0 || name.len > MAX_INSTANCE_LEN)
		return ms_error_set(err, EPROTO, "the supervisor named no %s",
				    s->request->exec ? "command" : "instance");
	memcpy(s->request->exec ? s->exec : s->instance, name.p, name.len);
	return 0;
}

static int attach(struct session *s, struct ms_message *answer, struct ms_error *err)
{
	uint32_t n = s->request->tty ? 1 : 3;
	const struct ms_json *already = ms_client_get(answer->body, "already", MS_JSON_BOOL);
	int r = read_name(s, answer->body, err);

	if (r < 0)
		return r;
	if (already && ms_json_bool(already)) {
		(void)ms_error_say(err, EEXIST, MS_REASON_ALREADY_RUNNING,
				   "this module is running already, as instance %s", s->instance);
		return ms_error_hint(err, "stop it first, or run it for another --tenant");
	}
	if (answer->n_fds != n)
		return ms_error_set(err, EPROTO, "%u descriptors came, not %u", answer->n_fds, n);
	r = s->request->tty ? attach_terminal(s, answer) : attach_pipes(s, answer);
	return r < 0 ? ms_error_set(err, -r, "carry the module's streams") : 0;
}

/* What the module asked for and does not get is told before it speaks itself. */
static void tell_less(const struct session *s, const struct ms_json *answer)
{
	ms_auto(buf) struct ms_buf less = MS_BUF_INIT(MAX_TELL_BYTES);
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MAX_TELL_BYTES);

	ms_request_less(answer, &less);
	if (s->request->quiet || less.error || less.len == 0)
		return;
	ms_buf_adds(&out, "modsupctl: run: the module gets less than it asks for:\n");
	ms_buf_add(&out, less.data, less.len);
	if (!out.error)
		ms_say_err(&out);
}

static void started(struct session *s, struct ms_message *answer)
{
	struct ms_error err = MS_ERROR_INIT;

	if (answer->kind == MS_MESSAGE_FAILURE) {
		end_with(s, ms_say_failure(s->ctl, answer->body));
		return;
	}
	tell_less(s, answer->body);
	if (attach(s, answer, &err) < 0) {
		ms_terminal_restore(&s->terminal);
		end_with(s, ms_say_error(s->ctl, &err));
		return;
	}
	s->phase = PHASE_RUNNING;
	if (!s->request->exec)
		send_about(s, "instance.wait", &s->wait_id);
}

static void ended(struct session *s, struct ms_message *answer)
{
	if (answer->kind == MS_MESSAGE_FAILURE) {
		ms_terminal_restore(&s->terminal);
		end_with(s, ms_say_failure(s->ctl, answer->body));
		return;
	}
	s->ending = *answer;
	*answer = MS_MESSAGE_INIT;
	s->phase = PHASE_ENDED;
	s->last_event = s->last_event || s->request->exec; /* no other will come */
	s->drained = now_ms() + DRAIN_MS;
	s->last_event_by = now_ms() + LAST_EVENT_MS;
	ms_flow_done(&s->flows[0]); /* nobody is there to read it */
}

static bool is_end_of_command(const struct session *s, const struct ms_message *message)
{
	return s->exec[0] && s->phase == PHASE_RUNNING &&
	       ms_say_is(message->method, "exec.exited") &&
	       ms_say_is(ms_client_get_str(message->body, "exec"), s->exec);
}

static void take_message(struct session *s, struct ms_message *message)
{
	if (message->kind == MS_MESSAGE_NOTE && is_end_of_command(s, message))
		ended(s, message);
	else if (message->kind == MS_MESSAGE_NOTE)
		take_event(s, message->body);
	else if (message->id == s->start_id && s->phase == PHASE_STARTING)
		started(s, message);
	else if (message->id == s->wait_id && s->phase == PHASE_RUNNING)
		ended(s, message);
	else if (message->kind == MS_MESSAGE_FAILURE && message->id != s->stop_id)
		end_with(s, ms_say_failure(s->ctl, message->body));
}

static void take_messages(struct session *s)
{
	while (!s->over) {
		ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
		struct ms_error err = MS_ERROR_INIT;
		int r = ms_client_receive(s->client, /* timeout_ms= */ 0, &message, &err);

		if (r == MS_CLIENT_TIMEOUT)
			return;
		if (r != 0 && s->phase == PHASE_ENDED) { /* all that matters is known */
			s->hung_up = s->last_event = true;
			return;
		}
		if (r != 0) {
			ms_terminal_restore(&s->terminal);
			end_with(s, ms_say_lost(s->ctl, r, &err));
			return;
		}
		take_message(s, &message);
	}
}

/* Signals */

static void take_signal(struct session *s, int number)
{
	if (number == SIGWINCH) {
		if (s->resize_to >= 0 && !ms_flow_ended(&s->flows[0]))
			ms_terminal_copy_size(STDIN_FILENO, s->resize_to);
		return;
	}
	if (number == SIGTSTP) /* stopping with the terminal raw would leave the shell without it */
		return;
	if (s->phase == PHASE_RUNNING && !s->stopping && !s->request->exec)
		stop(s);
	else
		end_with(s, MS_EXIT_SIGNAL + number);
}

static void take_signals(struct session *s)
{
	struct signalfd_siginfo info;

	while (!s->over && read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		take_signal(s, (int)info.ssi_signo);
}

static int open_signals(const struct ms_session_request *request)
{
	sigset_t set;
	int fd;

	if (sigemptyset(&set) < 0 || sigaddset(&set, SIGINT) < 0 || sigaddset(&set, SIGTERM) < 0 ||
	    sigaddset(&set, SIGHUP) < 0 || sigaddset(&set, SIGQUIT) < 0)
		return -errno;
	if (request->tty && (sigaddset(&set, SIGWINCH) < 0 || sigaddset(&set, SIGTSTP) < 0))
		return -errno;
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* Time */

static void check_deadline(struct session *s, int64_t now)
{
	if (s->deadline < 0 || now < s->deadline || s->phase == PHASE_ENDED)
		return;
	s->timed_out = true;
	if (s->phase == PHASE_RUNNING && !s->stopping && !s->request->exec)
		stop(s);
	else
		end_with(s, MS_EXIT_DEADLINE); /* hanging up ends what is attached */
}

/* After the end: what the module wrote is still carried, for as long as it moves or the caller is
 * slow to take it; a stream that somebody else holds open in silence is given up. */
static void check_drained(struct session *s, int64_t now)
{
	bool streams_ended = true;

	for (uint32_t i = 0; i < s->n_flows; i++) {
		if (now >= s->drained && !ms_flow_waits_for_out(&s->flows[i]))
			ms_flow_done(&s->flows[i]);
		streams_ended = streams_ended && ms_flow_ended(&s->flows[i]);
	}
	if (streams_ended && (s->last_event || now >= s->last_event_by))
		s->over = true;
}

/* Until the next thing that only the clock brings; what has passed needs no more waking. */
static int wait_ms(const struct session *s, int64_t now)
{
	int64_t candidates[] = {
		s->phase != PHASE_ENDED ? s->deadline : -1,
		s->phase == PHASE_ENDED ? s->drained : -1,
		s->phase == PHASE_ENDED && !s->last_event ? s->last_event_by : -1,
	};
	int64_t until = INT64_MAX;

	for (size_t i = 0; i < MS_ARRAY_LEN(candidates); i++)
		if (candidates[i] > now && candidates[i] < until)
			until = candidates[i];
	return until == INT64_MAX ? -1 : (int)MS_MIN(until - now, (int64_t)INT32_MAX);
}

/* One round: wait, then deal with whatever is there. */
static int turn(struct session *s)
{
	struct pollfd fds[2 + 2 * N_FLOWS];
	int64_t now = now_ms();

	fds[0] = (struct pollfd){.fd = s->hung_up ? -1 : ms_client_fd(s->client), .events = POLLIN};
	fds[1] = (struct pollfd){.fd = s->signals, .events = POLLIN};
	for (uint32_t i = 0; i < s->n_flows; i++)
		ms_flow_want(&s->flows[i], &fds[2 + 2 * i], &fds[3 + 2 * i]);
	if (poll(fds, 2 + 2 * (nfds_t)s->n_flows, wait_ms(s, now)) < 0)
		return errno == EINTR ? 0 : -errno;
	now = now_ms();
	for (uint32_t i = 0; i < s->n_flows; i++)
		if (ms_flow_turn(&s->flows[i], fds[2 + 2 * i].revents, fds[3 + 2 * i].revents))
			s->drained = now + DRAIN_MS;
	if (fds[1].revents)
		take_signals(s);
	if (fds[0].revents)
		take_messages(s);
	check_deadline(s, now);
	if (s->phase == PHASE_ENDED && !s->over)
		check_drained(s, now);
	return 0;
}

/* The end */

/* A command that was lost with its helper has no exit code to pass on. */
static void tell_command(const struct session *s)
{
	const struct ms_json *error = ms_client_get(s->ending.body, "error", MS_JSON_OBJECT);
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MAX_TELL_BYTES);
	struct ms_str message = ms_client_get_str(error, "message");

	if (error) {
		ms_buf_adds(&out, "modsupctl: exec: the command was lost: ");
		ms_buf_escape(&out, message.p, message.len);
		ms_buf_adds(&out, "\n");
	} else if (s->timed_out && !s->request->quiet) {
		ms_buf_adds(&out, "modsupctl: exec: the time of --timeout was over\n");
	}
	ms_say_err(&out);
}

static void tell(struct session *s)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MAX_TELL_BYTES);
	const char *why = s->ending.body ? ms_ending_why(s->ending.body) : NULL;

	if (s->request->exec) {
		tell_command(s);
		return;
	}
	if (s->request->quiet)
		return;
	if (why)
		ms_buf_addf(&out, "modsupctl: run: the module was ended: %s\n", why);
	if (s->timed_out)
		ms_buf_adds(&out, "modsupctl: run: the time of --timeout was over\n");
	ms_tally_print(&s->tally, (struct ms_str){.p = s->instance, .len = strlen(s->instance)},
		       s->ctl->color_err, &out);
	ms_say_err(&out);
}

/* Output that is not whole is a failure also where the module, which wrote it, saw none. */
static bool lost_output(struct session *s)
{
	struct ms_error err = MS_ERROR_INIT;

	for (uint32_t i = 1; i < s->n_flows; i++) {
		if (s->flows[i].error == 0)
			continue;
		(void)ms_error_set(&err, s->flows[i].error,
				   "the module's output is not whole: write it");
		(void)ms_say_error(s->ctl, &err); /* the caller has a code of its own */
		return true;
	}
	return false;
}

static int finish(struct session *s)
{
	int code = s->ending.body ? ms_ending_code(s->ending.body) : s->code;

	ms_terminal_restore(&s->terminal);
	tell(s);
	if (lost_output(s) && code == MS_EXIT_DONE)
		code = MS_EXIT_FAILED;
	return s->timed_out ? MS_EXIT_DEADLINE : code;
}

static void early(void *data, struct ms_message *message)
{
	struct session *s = data;

	if (message->kind == MS_MESSAGE_NOTE)
		take_event(s, message->body);
}

/* Before the start, so that nothing is missed. */
static int subscribe(struct session *s)
{
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	struct ms_jw *jw = ms_jw_new();
	struct ms_error err = MS_ERROR_INIT;
	int r;

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_array(jw, "types");
		ms_jw_text(jw, NULL, "violation");
		ms_jw_text(jw, NULL, "instance.*");
		ms_jw_end(jw);
		if (s->request->module) {
			ms_jw_array(jw, "modules");
			ms_jw_text(jw, NULL, s->request->module);
			ms_jw_end(jw);
		}
		ms_jw_end(jw);
	}
	r = ms_client_call(s->client, "event.subscribe", jw, SUBSCRIBE_MS, &message, &err);
	return ms_say_call(s->ctl, r, &message, &err);
}

static int run(struct session *s)
{
	struct ms_error err = MS_ERROR_INIT;
	int r = s->request->exec ? MS_EXIT_DONE : subscribe(s);

	if (r != MS_EXIT_DONE)
		return r;
	r = ms_client_send(s->client, s->request->exec ? "instance.exec" : "instance.start",
			   MS_TAKE_PTR(s->request->take_params), &s->start_id, &err);
	if (r < 0)
		return ms_say_error(s->ctl, &err);
	while (!s->over) {
		r = turn(s);
		if (r < 0) {
			ms_terminal_restore(&s->terminal);
			(void)ms_error_set(&err, -r, "wait");
			return ms_say_error(s->ctl, &err);
		}
	}
	return finish(s);
}

int ms_session_run(struct ms_ctl *ctl, struct ms_client *client, struct ms_session_request *request)
{
	struct session *s = calloc(1, sizeof(*s));
	struct ms_error err = MS_ERROR_INIT;
	int code;

	if (!s) {
		request->take_params = ms_jw_free(request->take_params);
		(void)ms_error_set(&err, ENOMEM, "a session");
		return ms_say_error(ctl, &err);
	}
	*s = (struct session){.ctl = ctl,
			      .client = client,
			      .request = request,
			      .resize_to = -1,
			      .terminal = MS_TERMINAL_INIT,
			      .deadline = -1,
			      .drained = -1};
	if (request->timeout_usec > 0)
		s->deadline = now_ms() + (int64_t)(request->timeout_usec / 1000);
	ms_client_set_other(client, early, s);
	s->signals = open_signals(request);
	if (s->signals < 0) {
		(void)ms_error_set(&err, -s->signals, "take over the signals");
		code = ms_say_error(ctl, &err);
	} else {
		code = run(s);
	}
	ms_terminal_restore(&s->terminal);
	ms_client_set_other(client, NULL, NULL);
	for (uint32_t i = 0; i < s->n_flows; i++)
		ms_flow_done(&s->flows[i]);
	s->signals = ms_fd_close(s->signals);
	ms_message_done(&s->ending);
	ms_tally_done(&s->tally);
	request->take_params = ms_jw_free(request->take_params);
	free(s);
	return code;
}
