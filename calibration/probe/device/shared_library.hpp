#pragma once

#include <dlfcn.h>

#include <initializer_list>
#include <string>

namespace cupola::probe {

/// A library that is looked for at run time, so that the probe starts where it is not installed.
class SharedLibrary {
public:
    /// The first of `names` that is found: by the loader's own rules, then below the CUDA toolkit.
    SharedLibrary(std::initializer_list<const char*> names) {
        for (const char* name : names) {
            for (const char* folder : {"", "/usr/local/cuda/lib64/", "/usr/local/cuda/extras/CUPTI/lib64/"}) {
                if (handle_ == nullptr)
                    handle_ = ::dlopen((std::string(folder) + name).c_str(), RTLD_NOW | RTLD_GLOBAL);
            }
        }
        if (handle_ == nullptr) error_ = std::string(*names.begin()) + " was not found";
    }

    explicit operator bool() const { return handle_ != nullptr; }
    const std::string& error() const { return error_; }

    /// Sets `function` to the symbol, or to nothing where the library does not have it.
    template <class Function>
    bool load(Function*& function, const char* symbol) const {
        function = handle_ == nullptr ? nullptr : reinterpret_cast<Function*>(::dlsym(handle_, symbol));
        return function != nullptr;
    }

private:
    void* handle_ = nullptr;  // stays open: libraries of the driver do not like to be unloaded
    std::string error_;
};

}  // namespace cupola::probe
