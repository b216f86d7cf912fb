/// The keys that transformers writes, and has written since version 4.6, into the files of CLIP's and SigLIP's models.
/// Read of its configuration_utils.py, generation/configuration_utils.py, image_processing_utils.py and of the classes
/// themselves, versions 4.9 to 5.24.
///
/// Other files of such a directory are not looked at, as they decide no vector: `generation_config.json`, chat templates,
/// weights of other frameworks, `.onnx`, cards. An `adapter_config.json` is refused.
extension KeyTable {
    /// Of every configuration, and of every part of one.
    private static let everywhere = """
        _name_or_path name_or_path _commit_hash transformers_version architectures model_type
        dtype torch_dtype torchscript use_bfloat16 xla_device tf_legacy_loss gradient_checkpointing
        attn_implementation _attn_implementation _attn_implementation_internal _attn_implementation_autoset
        output_attentions output_hidden_states return_dict use_cache chunk_size_feed_forward tie_last_hidden_states
        is_decoder is_encoder_decoder add_cross_attention cross_attention_hidden_size decoder_start_token_id
        tie_encoder_decoder tie_word_embeddings
        finetuning_task id2label label2id num_labels problem_type task_specific_params prefix
        tokenizer_class image_processor_type processor_class bos_token_id eos_token_id pad_token_id sep_token_id
        attention_dropout dropout initializer_range initializer_factor
        """

    /// Of generating, which no tower here does.
    private static let generating = """
        assistant_confidence_threshold assistant_lookbehind bad_words_ids begin_suppress_tokens diversity_penalty do_sample
        early_stopping encoder_no_repeat_ngram_size encoder_repetition_penalty epsilon_cutoff eta_cutoff
        exponential_decay_length_penalty forced_bos_token_id forced_eos_token_id length_penalty max_length min_length
        no_repeat_ngram_size num_assistant_tokens num_assistant_tokens_schedule num_beam_groups num_beams
        num_return_sequences output_scores remove_invalid_values repetition_penalty return_dict_in_generate
        suppress_tokens target_lookbehind temperature top_k top_p typical_p
        """

    /// What would make another model of it: code of its own, weights in other forms, blocks of their own.
    private static let others = "auto_map quantization_config pruned_heads per_layer_config"

    private static let tower = """
        hidden_size intermediate_size num_hidden_layers num_attention_heads hidden_act layer_norm_eps
        """
    private static let ofImages = tower + " num_channels image_size patch_size"
    private static let ofTexts =
        tower + " vocab_size max_position_embeddings bos_token_id eos_token_id pad_token_id"

    private static func configuration(_ part: String, used: String, inert: String = "") -> KeyTable {
        KeyTable(
            "transformers' \(part)", used: "model_type architectures tokenizer_class image_processor_type \(used)",
            inert: "\(everywhere) \(generating) \(inert)", off: others)
    }

    /// `config.json` of a model of both towers.
    static func transformersModel(isSiglip: Bool) -> KeyTable {
        // SiglipConfig takes no `text_config_dict`.
        let parts = "text_config vision_config"
        let older = "text_config_dict vision_config_dict"
        return configuration(
            "config.json", used: isSiglip ? parts : "\(parts) \(older) projection_dim",
            inert: "logit_scale_init_value logit_bias_init_value \(isSiglip ? "\(older) projection_dim" : "")")
    }

    /// `vision_config`, or `config.json` of an image tower alone.
    static func transformersImages(isSiglip: Bool) -> KeyTable {
        isSiglip
            ? configuration("SigLIP vision_config", used: "\(ofImages) vision_use_head", inert: "projection_dim")
            : configuration("CLIP vision_config", used: "\(ofImages) projection_dim")
    }

    /// `text_config`, or `config.json` of a text tower alone.
    static func transformersTexts(isSiglip: Bool) -> KeyTable {
        isSiglip
            ? configuration("SigLIP text_config", used: "\(ofTexts) projection_size", inert: "projection_dim")
            : configuration("CLIP text_config", used: "\(ofTexts) projection_dim")
    }

    /// `preprocessor_config.json`, and `image_processor` in `processor_config.json`.
    ///
    /// The steps in the second list are those of other classes; CLIP's, and those like it, pass over them, too.
    static let transformersProcessor = KeyTable(
        "transformers' preprocessor_config.json",
        used: """
            image_processor_type feature_extractor_type do_resize size default_to_square resample crop_pct
            do_center_crop crop_size do_rescale rescale_factor do_normalize image_mean image_std do_convert_rgb
            """,
        inert: """
            processor_class _valid_processor_keys image_seq_length disable_grouping device return_tensors pad_size
            do_thumbnail do_align_long_axis do_reduce_labels reduce_labels
            """,
        off: "auto_map do_pad use_square_size input_data_format",
        only: ["data_format": ["channels_first"]])

    static let transformersProcessors = KeyTable(
        "transformers' processor_config.json", used: "image_processor", inert: "processor_class", off: "auto_map")

    /// `tokenizer_config.json`. Which of its tokens are found in a text, and which fill it, the tokenizers read themselves.
    static let transformersTokenizer = KeyTable(
        "transformers' tokenizer_config.json",
        used: """
            tokenizer_class model_max_length max_len model_input_names do_lower_case
            added_tokens_decoder additional_special_tokens extra_special_tokens
            bos_token eos_token unk_token sep_token pad_token cls_token mask_token
            """,
        inert: """
            add_prefix_space add_bos_token add_eos_token backend chat_template clean_up_tokenization_spaces
            clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output errors files_loaded
            is_local legacy local_files_only max_length merges_file name_or_path pad_to_multiple_of pad_token_type_id
            processor_class spaces_between_special_tokens special_tokens_map_file stride tokenizer_file
            truncation_strategy use_default_system_prompt use_fast verbose vocab_file
            _commit_hash _from_auto cache_dir force_download from_slow pad_to_max_length proxies resume_download revision subfolder trust_remote_code use_auth_token
            """,
        off: "auto_map extra_ids fast_tokenizer_files init_inputs sp_model_kwargs split_special_tokens",
        only: ["padding_side": ["right"], "truncation_side": ["right"]])

    static let transformersSpecialTokens = KeyTable(
        "transformers' special_tokens_map.json",
        used: """
            additional_special_tokens extra_special_tokens
            bos_token eos_token unk_token sep_token pad_token cls_token mask_token
            """)

    /// `open_clip_config.json`: open_clip reads two of its keys (factory.py). What is in them, its reader names itself.
    static let openCLIP = KeyTable(
        "open_clip_config.json", used: "model_cfg preprocess_cfg",
        inert: """
            model_name name pretrained tag tags description license architecture metadata library_name dataset training
            train_cfg training_cfg version open_clip_version
            """)
}
