#include "list_table.hpp"

namespace cupola::accuracy {

namespace {

/// Lists are one pass without guidance.
const config::Settings one{{"guidance", "1"}};
config::Settings square(const std::string& side) { return {{"guidance", "1"}, {"height", side}, {"width", side}}; }

}  // namespace

const std::vector<ListedStage>& listed_stages() {
    static const std::vector<ListedStage> rows{
        // Images
        {"sd15_unet", "stable-diffusion-1.5", "denoiser", one},
        {"sd_vae_decode", "stable-diffusion-1.5", "vae_decoder", one},
        {"sd_vae_encode", "svd-xt", "vae_encoder", square("512")},
        {"sd21_unet", "stable-diffusion-2.1", "denoiser", one},
        {"sd21base_unet", "stable-diffusion-2.1", "denoiser", square("512")},
        {"sdxl_unet", "sdxl", "denoiser", one},
        {"sd_x4_upscaler_256in", "sd-x4-upscaler", "denoiser", one},
        {"sd3_medium", "sd3-medium", "denoiser", one},
        {"sd35_medium", "sd3.5-medium", "denoiser", one},
        {"flux_dev", "flux.1-dev", "denoiser", {}},
        {"flux_schnell", "flux.1-schnell", "denoiser", {}},
        {"flux_vae_decode_1024", "flux.1-dev", "vae_decoder", {}},
        {"kandinsky22_prior", "kandinsky-2.2", "prior", one},
        {"kandinsky22_decoder_512", "kandinsky-2.2", "denoiser", one},
        {"kandinsky22_decoder_768", "kandinsky-2.2", "denoiser", square("768")},
        {"kandinsky22_movq_decode_512", "kandinsky-2.2", "movq_decoder", one},
        {"stable_cascade_c_1024", "stable-cascade", "stage_c", one},
        {"stable_cascade_b_1024", "stable-cascade", "stage_b", one},
        {"if_I_XL_64", "deepfloyd-if", "base", one},
        {"imagen_pt_base64", "imagen-lucidrains", "base", one},
        {"imagen_pt_sr256", "imagen-lucidrains", "super_resolution", one},
        {"imagen_pt_sr1024", "imagen-lucidrains", "upscaler", one},
        {"pixart_alpha_512",
         "pixart-alpha",
         "denoiser",
         {{"guidance", "1"}, {"height", "512"}, {"width", "512"}, {"conditions", "0"}}},
        {"pixart_alpha_1024", "pixart-alpha", "denoiser", one},
        {"dit_xl_2_256", "dit-xl-2", "denoiser", one},
        {"dit_xl_2_512", "dit-xl-2", "denoiser", square("512")},
        {"sana_600m_1024", "sana-0.6b", "denoiser", one},
        {"sana_1600m_1024", "sana-1.6b", "denoiser", one},
        {"dcae_decode_1024", "sana-1.6b", "vae_decoder", one},
        {"amused_256", "amused-256", "denoiser", one},
        {"amused_vq_decode_256", "amused-256", "vae_decoder", one},
        {"amused_vq_decode_512", "amused-512", "vae_decoder", one},
        {"muse_pt_base3b", "muse", "base", one},
        {"muse_pt_sr", "muse", "super_resolution", one},
        // Video
        {"modelscope_t2v_256", "modelscope-t2v", "denoiser", one},
        {"animatediff_sd15_nomid", "animatediff", "denoiser", one},
        {"svd_vae_decode_25f", "svd-xt", "vae_decoder", one},
        {"phenaki_pt_readme", "phenaki-lucidrains", "maskgit", one},
        {"phenaki_pt_paperlike", "phenaki", "maskgit", one},
        {"makeavideo_pt_d256", "make-a-video", "denoiser", one},
        {"makeavideo_pt_readme",
         "make-a-video",
         "readme_denoiser",
         {{"guidance", "1"}, {"variant", "readme"}, {"height", "128"}, {"width", "128"}}},
        {"cogvideox_2b", "cogvideox-2b", "denoiser", one},
        {"cogvideox_vae_decode", "cogvideox-2b", "vae_decoder", one},
        {"hunyuanvideo_720p", "hunyuanvideo", "denoiser", {}},
        {"hunyuan_vae_decode_720p129f_notile",
         "hunyuanvideo",
         "vae_decoder",
         {{"vae_tile", "0"}, {"vae_tile_frames", "0"}}},
        {"mochi_vae_decode_480p", "mochi-1", "vae_decoder", one},
        {"ltx_video_2b", "ltx-video-2b", "denoiser", one},
        {"ltx_video_13b", "ltx-video-13b", "denoiser", one},
        {"ltx_vae090_decode", "ltx-video-2b", "vae_decoder", one},
        {"wan21_1p3b_480p", "wan2.1-1.3b", "denoiser", one},
        {"wan21_14b_480p", "wan2.1-14b", "denoiser", one},
        {"wan21_i2v_14b_480p", "wan2.1-i2v-14b", "denoiser", one},
        {"wan22_5b_704", "wan2.2-5b", "denoiser", {{"guidance", "1"}, {"token_times", "0"}}},
        {"wan22_vae_decode_704p121f", "wan2.2-5b", "vae_decoder", one},
    };
    return rows;
}

const std::vector<std::string>& pending_lists() {
    static const std::vector<std::string> lists{};
    return lists;
}

const std::vector<RepeatedModule>& repeated_modules() {
    static const std::vector<RepeatedModule> rows{
        {"dit_xl_2", ".norm1.emb",
         "each block embeds time and class with weights of its own that are equal to all others'"},
    };
    return rows;
}

std::vector<ListRow> without_repeated_modules(const std::vector<ListRow>& rows, const std::string& list) {
    std::vector<ListRow> kept = rows;
    for (const RepeatedModule& repeated : repeated_modules()) {
        if (list.rfind(repeated.list, 0) != 0) continue;
        std::vector<ListRow> once;
        bool inside = false, ran = false;
        for (const ListRow& row : kept) {
            const bool belongs = row.module.find(repeated.module) != std::string::npos;
            ran = ran || (inside && !belongs);
            inside = belongs;
            if (!belongs || !ran) once.push_back(row);
        }
        kept = once;
    }
    return kept;
}

const std::vector<KnownDifference>& known_differences() {
    const std::string tables =
        "rotary tables follow from positions alone: lists make them in each pass, graphs take them as given";
    const std::string parts =
        "a loop of the language joins each part to those before it, the module joins all parts at once";
    static const std::vector<KnownDifference> rows{
        {"flux_", "(pos_embed)", tables},
        {"hunyuanvideo", "(rope)", tables},
        {"ltx_video", "(rope)", tables},
        {"wan2", "(rope)", tables},
        {"stable_cascade_b", "only in the list: upsample 16x128x128",
         "the language enlarges by whole factors; stage C's 24x24 latents, 0.5 MB, are taken as enlarged to 128x128"},
        {"cogvideox_vae_decode", ": cat 1x3x9x480x720 1x3x8x480x720", parts},
        {"cogvideox_vae_decode", "cogvideox_decoder.decoder.", parts},
    };
    return rows;
}

std::string reason_of(const std::string& list, const std::string& difference) {
    for (const KnownDifference& known : known_differences()) {
        if (list.rfind(known.list, 0) == 0 && difference.find(known.what) != std::string::npos) return known.reason;
    }
    return {};
}

}  // namespace cupola::accuracy
