#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace cupola::probe {

/// A process that measures cases, one at a time. It reads case lines on file descriptor `request_fd` and answers each
/// on `reply_fd` with lines `row <csv>` and `say <text>`, then `done`, or `broken` where it ends because the GPU
/// answers no more; before the first, `ready` or `fatal <text>`.
/// A kernel that hangs or breaks the GPU context costs this process, not the run.
class WorkerProcess {
public:
    static constexpr int request_fd = 3;
    static constexpr int reply_fd = 4;

    enum class End { done, died, hung };
    struct Answer {
        End end = End::done;
        std::vector<std::string> rows;
        std::string detail;  ///< why it died
    };
    using Say = std::function<void(const std::string&)>;

    explicit WorkerProcess(std::vector<std::string> command) : command_(std::move(command)) {}
    ~WorkerProcess() { stop(); }
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;

    bool is_running() const { return process_ > 0; }
    /// Starts the process and waits for `ready`. Throws FatalError with its words where it answers `fatal`, dies or
    /// takes longer than `timeout` seconds.
    void start(double timeout, const Say& say);
    /// Has one case measured. Where the worker died or was killed for taking longer than `timeout` seconds, it is no
    /// longer running.
    Answer measure(const std::string& case_text, double timeout, const Say& say);
    void stop();  ///< ends the process, by force where it does not heed the end of its input

private:
    struct Line {
        End end = End::done;
        std::string text;
    };
    Line read_line(double deadline);
    std::string reap();
    bool ends_within(double seconds);

    std::vector<std::string> command_;
    pid_t process_ = -1;
    int requests_ = -1;
    int replies_ = -1;
    std::string unread_;
};

}  // namespace cupola::probe
