/* The encoder's side of vp8.h. Quality is decided by the caller, so the library's own rate control is pinned. */
#include "vp8.h"

#include <stdlib.h>

#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

struct anteroom_vp8_encoder {
    vpx_codec_ctx_t codec;
    vpx_codec_enc_cfg_t config;
    vpx_codec_pts_t count;
};

/* Beyond what any picture takes, so that the library neither drops frames nor changes the quantizer. */
#define UNBOUNDED_KILOBITS 1000000
/* Of the real-time speeds 0 to 16; negative means fixed instead of chosen by measuring time. */
#define SPEED -16
/* Timestamps count milliseconds. */
#define TICKS_PER_SECOND 1000
#define TICKS_PER_FRAME 33

static int set_controls(vpx_codec_ctx_t *codec) {
    return vpx_codec_control(codec, VP8E_SET_CPUUSED, SPEED)
        || vpx_codec_control(codec, VP8E_SET_NOISE_SENSITIVITY, 0)
        || vpx_codec_control(codec, VP8E_SET_STATIC_THRESHOLD, 1);
}

struct anteroom_vp8_encoder *anteroom_vp8_encoder_new(unsigned width, unsigned height) {
    struct anteroom_vp8_encoder *encoder = calloc(1, sizeof *encoder);
    if (!encoder)
        return NULL;
    vpx_codec_enc_cfg_t *config = &encoder->config;
    if (vpx_codec_enc_config_default(vpx_codec_vp8_cx(), config, 0))
        goto refused;
    config->g_w = width;
    config->g_h = height;
    /* More of them wait for one another in busy loops, which is wasted where other programs run. */
    config->g_threads = 1;
    config->g_timebase.num = 1;
    config->g_timebase.den = TICKS_PER_SECOND;
    config->g_lag_in_frames = 0;
    config->g_pass = VPX_RC_ONE_PASS;
    /* With a constant bitrate a frame in motion was not followed by a sharp one, whatever the quantizers. */
    config->rc_end_usage = VPX_VBR;
    config->rc_target_bitrate = UNBOUNDED_KILOBITS;
    config->rc_dropframe_thresh = 0;
    config->kf_mode = VPX_KF_DISABLED;
    if (vpx_codec_enc_init(&encoder->codec, vpx_codec_vp8_cx(), config, 0))
        goto refused;
    if (set_controls(&encoder->codec)) {
        vpx_codec_destroy(&encoder->codec);
        goto refused;
    }
    return encoder;
refused:
    free(encoder);
    return NULL;
}

void anteroom_vp8_encoder_free(struct anteroom_vp8_encoder *encoder) {
    vpx_codec_destroy(&encoder->codec);
    free(encoder);
}

static int pin_quantizer(struct anteroom_vp8_encoder *encoder, unsigned quantizer) {
    vpx_codec_enc_cfg_t *config = &encoder->config;
    if (config->rc_min_quantizer == quantizer && config->rc_max_quantizer == quantizer)
        return 0;
    config->rc_min_quantizer = quantizer;
    config->rc_max_quantizer = quantizer;
    return vpx_codec_enc_config_set(&encoder->codec, config);
}

int anteroom_vp8_encode(struct anteroom_vp8_encoder *encoder, const struct anteroom_planes *planes,
                        uint8_t *changed, unsigned quantizer, int key, const uint8_t **packet, size_t *length,
                        int *is_key) {
    const vpx_codec_enc_cfg_t *config = &encoder->config;
    vpx_active_map_t active = {changed, (config->g_h + 15) / 16, (config->g_w + 15) / 16};
    vpx_image_t image;
    vpx_codec_iter_t iterator = NULL;
    const vpx_codec_cx_pkt_t *found;
    int error = pin_quantizer(encoder, quantizer);
    if (error)
        return error;
    if ((error = vpx_codec_control(&encoder->codec, VP8E_SET_ACTIVEMAP, &active)))
        return error;
    /* Any plane will do to be wrapped; the real ones follow. */
    if (!vpx_img_wrap(&image, VPX_IMG_FMT_I420, config->g_w, config->g_h, 1, (uint8_t *)planes->y))
        return VPX_CODEC_MEM_ERROR;
    image.planes[VPX_PLANE_Y] = (uint8_t *)planes->y;
    image.planes[VPX_PLANE_U] = (uint8_t *)planes->u;
    image.planes[VPX_PLANE_V] = (uint8_t *)planes->v;
    image.stride[VPX_PLANE_Y] = planes->y_stride;
    image.stride[VPX_PLANE_U] = image.stride[VPX_PLANE_V] = planes->uv_stride;
    error = vpx_codec_encode(&encoder->codec, &image, encoder->count, TICKS_PER_FRAME,
                             key ? VPX_EFLAG_FORCE_KF : 0, VPX_DL_REALTIME);
    encoder->count += TICKS_PER_FRAME;
    if (error)
        return error;
    while ((found = vpx_codec_get_cx_data(&encoder->codec, &iterator))) {
        if (found->kind == VPX_CODEC_CX_FRAME_PKT) {
            *packet = found->data.frame.buf;
            *length = found->data.frame.sz;
            *is_key = (found->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
            return 0;
        }
    }
    return VPX_CODEC_ERROR;
}
