#include "probe/host/worker_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "probe/host/error.hpp"
#include "probe/host/text.hpp"

namespace cupola::probe {

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(char* const* arguments, int requests, int replies) {
    ::setpgid(0, 0);  // what it starts ends with it
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // above both targets first, lest one dup2 closes what the next needs
    const int high_requests = ::fcntl(requests, F_DUPFD, 10);
    const int high_replies = ::fcntl(replies, F_DUPFD, 10);
    if (high_requests < 0 || high_replies < 0 || ::dup2(high_requests, WorkerProcess::request_fd) < 0 ||
        ::dup2(high_replies, WorkerProcess::reply_fd) < 0) {
        ::_exit(126);
    }
    ::close(high_requests);
    ::close(high_replies);
    ::execv(arguments[0], arguments);
    ::_exit(127);
}

struct Pipe {
    int ends[2] = {-1, -1};
    Pipe() {
        if (::pipe2(ends, O_CLOEXEC) != 0) throw FatalError(std::string("no pipe: ") + std::strerror(errno));
    }
};

}  // namespace

void WorkerProcess::start(double timeout, const Say& say) {
    stop();
    ::signal(SIGPIPE, SIG_IGN);  // a worker that died is noticed where it is written to
    Pipe requests;
    Pipe replies;
    std::vector<char*> arguments;
    for (std::string& word : command_) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    process_ = ::fork();
    if (process_ == 0) become(arguments.data(), requests.ends[0], replies.ends[1]);
    ::close(requests.ends[0]);
    ::close(replies.ends[1]);
    requests_ = requests.ends[1];
    replies_ = replies.ends[0];
    if (process_ < 0) throw FatalError(std::string("no worker process: ") + std::strerror(errno));
    unread_.clear();
    for (const double deadline = now() + timeout;;) {
        const Line line = read_line(deadline);
        if (line.end == End::hung) {
            stop();
            throw FatalError("the worker did not start within " + number_text(timeout) + " s: does the driver hang?");
        }
        if (line.end == End::died) throw FatalError("the worker could not start: " + reap());
        if (line.text == "ready") return;
        if (line.text.rfind("fatal ", 0) == 0) {
            stop();
            throw FatalError(line.text.substr(6));
        }
        if (line.text.rfind("say ", 0) == 0) say(line.text.substr(4));
    }
}

WorkerProcess::Answer WorkerProcess::measure(const std::string& case_text, double timeout, const Say& say) {
    Answer answer;
    const std::string request = case_text + "\n";
    // a case line is shorter than a pipe's buffer: written whole or not at all
    if (::write(requests_, request.data(), request.size()) != static_cast<ssize_t>(request.size())) {
        answer.end = End::died;
        answer.detail = reap();
        return answer;
    }
    for (const double deadline = now() + timeout;;) {
        const Line line = read_line(deadline);
        if (line.end == End::hung) stop();
        if (line.end != End::done) {
            answer.end = line.end;
            answer.detail = line.end == End::hung ? "no answer within " + number_text(timeout) + " s" : reap();
            return answer;
        }
        if (line.text == "done") return answer;
        if (line.text == "broken") {
            reap();
            return answer;
        }
        if (line.text.rfind("row ", 0) == 0) answer.rows.push_back(line.text.substr(4));
        if (line.text.rfind("say ", 0) == 0) say(line.text.substr(4));
    }
}

WorkerProcess::Line WorkerProcess::read_line(double deadline) {
    for (;;) {
        const std::size_t end = unread_.find('\n');
        if (end != std::string::npos) {
            Line line{End::done, unread_.substr(0, end)};
            unread_.erase(0, end + 1);
            return line;
        }
        const double left = deadline - now();
        if (left <= 0) return {End::hung, ""};
        pollfd waiting{replies_, POLLIN, 0};
        const int ready = ::poll(&waiting, 1, static_cast<int>(left * 1000) + 1);
        if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
        char buffer[4096];
        const ssize_t count = ready < 0 ? -1 : ::read(replies_, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return {End::died, ""};
        unread_.append(buffer, static_cast<std::size_t>(count));
    }
}

std::string WorkerProcess::reap() {
    if (process_ <= 0) return "it is not running";
    int status = 0;
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
    ::close(requests_);
    ::close(replies_);
    if (WIFSIGNALED(status)) return std::string("killed by signal ") + ::strsignal(WTERMSIG(status));
    return "exit status " + std::to_string(WEXITSTATUS(status));
}

bool WorkerProcess::ends_within(double seconds) {
    for (const double deadline = now() + seconds; now() < deadline;) {
        int status = 0;
        if (::waitpid(process_, &status, WNOHANG) != 0) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
}

void WorkerProcess::stop() {
    if (process_ <= 0) return;
    ::close(requests_);  // the end of its input: a worker at rest leaves by itself
    if (!ends_within(1)) {
        ::kill(-process_, SIGKILL);
        ::kill(process_, SIGKILL);  // before it had its own group
        ends_within(20);            // the driver may keep a process whose kernel does not end: it is left behind
    }
    process_ = -1;
    ::close(replies_);
}

}  // namespace cupola::probe
