#include "probe/device/counters.hpp"

#if __has_include(<cupti.h>)

#include <cupti.h>

#include <algorithm>
#include <cstdlib>

#include "probe/device/shared_library.hpp"

namespace cupola::probe {

namespace {

// CUPTI's callbacks carry no pointer of the user's: one recorder at a time writes here.
struct Records {
    CUptiResult (*next)(std::uint8_t*, std::size_t, CUpti_Activity**) = nullptr;
    std::vector<std::pair<std::uint64_t, KernelRecord>> kernels;  // by start
};
Records* active = nullptr;

#if CUPTI_API_VERSION >= 130000
using ActivityKernel = CUpti_ActivityKernel10;
#else
using ActivityKernel = CUpti_ActivityKernel9;
#endif

void CUPTIAPI give_buffer(std::uint8_t** buffer, std::size_t* size, std::size_t* max_records) {
    constexpr std::size_t bytes = std::size_t{1} << 20;
    *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(64, bytes));
    *size = *buffer == nullptr ? 0 : bytes;
    *max_records = 0;  // as many as fit
}

void CUPTIAPI take_buffer(CUcontext, std::uint32_t, std::uint8_t* buffer, std::size_t, std::size_t valid) {
    CUpti_Activity* record = nullptr;
    while (active != nullptr && active->next(buffer, valid, &record) == CUPTI_SUCCESS) {
        if (record->kind != CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL && record->kind != CUPTI_ACTIVITY_KIND_KERNEL)
            continue;
        const auto* kernel = reinterpret_cast<const ActivityKernel*>(record);
        const double seconds = static_cast<double>(kernel->end - kernel->start) * 1e-9;
        active->kernels.push_back({kernel->start, {kernel->name == nullptr ? "" : kernel->name, seconds}});
    }
    std::free(buffer);
}

}  // namespace

struct KernelRecorder::Impl {
    SharedLibrary library{"libcupti.so.13", "libcupti.so.12", "libcupti.so"};
    decltype(&cuptiActivityRegisterCallbacks) register_callbacks = nullptr;
    decltype(&cuptiActivityEnable) enable = nullptr;
    decltype(&cuptiActivityDisable) disable = nullptr;
    decltype(&cuptiActivityFlushAll) flush_all = nullptr;
    Records records;
    bool is_ready = false;
};

KernelRecorder::KernelRecorder() : impl_(std::make_unique<Impl>()) {
    const SharedLibrary& library = impl_->library;
    if (!library) {
        problem_ = library.error();
        return;
    }
    if (!library.load(impl_->register_callbacks, "cuptiActivityRegisterCallbacks") ||
        !library.load(impl_->enable, "cuptiActivityEnable") || !library.load(impl_->disable, "cuptiActivityDisable") ||
        !library.load(impl_->flush_all, "cuptiActivityFlushAll") ||
        !library.load(impl_->records.next, "cuptiActivityGetNextRecord")) {
        problem_ = "libcupti lacks the Activity API";
        return;
    }
    if (impl_->register_callbacks(give_buffer, take_buffer) != CUPTI_SUCCESS) {
        problem_ = "the Activity API refuses its callbacks: is another profiler at work?";
        return;
    }
    active = &impl_->records;
    impl_->is_ready = true;
}

KernelRecorder::~KernelRecorder() { active = nullptr; }

bool KernelRecorder::is_available() const { return impl_->is_ready; }

std::vector<KernelRecord> KernelRecorder::record(const std::function<void()>& work) {
    impl_->records.kernels.clear();
    if (impl_->enable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) != CUPTI_SUCCESS) {
        impl_->is_ready = false;
        problem_ = "kernels cannot be recorded";
        return {};
    }
    work();
    impl_->flush_all(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
    impl_->disable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
    auto kernels = impl_->records.kernels;
    std::sort(kernels.begin(), kernels.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<KernelRecord> result;
    for (auto& [start, kernel] : kernels) result.push_back(std::move(kernel));
    return result;
}

}  // namespace cupola::probe

#else

namespace cupola::probe {

struct KernelRecorder::Impl {};
KernelRecorder::KernelRecorder() : problem_("the probe was built without cupti.h") {}
KernelRecorder::~KernelRecorder() = default;
bool KernelRecorder::is_available() const { return false; }
std::vector<KernelRecord> KernelRecorder::record(const std::function<void()>&) { return {}; }

}  // namespace cupola::probe

#endif
